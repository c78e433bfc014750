/* SPDX-License-Identifier: Apache-2.0 */
#include "report/report.h"

#include "sys/child.h"
#include "sys/file.h"

#include <errno.h>
#include <stdlib.h>

#define TIME_MS 120000u
#define MEMORY_MAX (2ull << 30)

/* The last line that says something: WeasyPrint's and Python's complaints end with the reason. */
static struct str last_words(struct str text)
{
	struct str line, last = STR("");
	while (str_line(&text, &line))
		if (str_trim(line).n)
			last = str_trim(line);
	return str_sub(last, 0, 300);
}

/* WeasyPrint wants a directory for temporary files: an empty one of its own, gone afterwards. */
static int run(struct str html, const _Atomic bool *stop, struct buf *ret_pdf, struct buf *ret_err)
{
	char scratch[] = "/tmp/hinomi-pdf-XXXXXX", tmpdir[64];
	static const char *const ARGV[] = {"/usr/bin/weasyprint", "-q", "-e", "utf-8", "--pdf-identifier", "hinomi", "-", "-", NULL};
	const char *const env[] = {tmpdir, "PATH=/usr/bin:/bin", "LANG=C.UTF-8", "HOME=/nonexistent", "XDG_CACHE_HOME=/nonexistent", "PYTHONDONTWRITEBYTECODE=1", "PYTHONHASHSEED=0", "PYTHONNOUSERSITE=1",
		NULL};
	/* Programs, libraries and fonts; how names and fonts are found; what Python asks of the system. */
	static const char *const READABLE[] = {"/usr", "/lib", "/lib64", "/etc/fonts", "/etc/ld.so.cache", "/var/cache/fontconfig", "/dev/urandom", "/dev/null", NULL};
	struct child_limits lim = {.timeout_ms = TIME_MS, .max_memory = MEMORY_MAX, .max_output = ret_pdf->max, .no_network = true, .readable = READABLE, .writable = scratch, .stop = stop};
	if (!mkdtemp(scratch))
		return -errno;
	snprintf(tmpdir, sizeof(tmpdir), "TMPDIR=%s", scratch);
	int r = child_run(ARGV, env, html, &lim, ret_pdf, ret_err);
	file_remove_tree(scratch);
	return r;
}

int report_pdf(struct report_draft *draft, const _Atomic bool *stop, struct diag *d)
{
	struct buf pdf = BUF_INIT(draft->content.max), err = BUF_INIT(64u << 10);
	int r = run(buf_str(&draft->content), stop, &pdf, &err);
	if (r == -ENOENT) {
		r = -ENOSYS;
		diag_error(d, (struct diag_at){0}, "no_pdf_renderer", "WeasyPrint is not installed on the server");
		diag_hint(d, "install the Debian package weasyprint, or ask for format html");
	} else if (r > 0 || (r == 0 && !str_starts(buf_str(&pdf), STR("%PDF-")))) {
		struct str why = last_words(buf_str(&err));
		diag_error(d, (struct diag_at){0}, "pdf_failed", "WeasyPrint could not make the PDF: %.*s", STR_ARG(why));
		r = -EPROTO;
	}
	if (r == 0) {
		buf_done(&draft->content);
		draft->content = pdf;
		pdf = BUF_INIT(0);
	}
	buf_done(&pdf);
	buf_done(&err);
	return r;
}
