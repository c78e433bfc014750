// SPDX-License-Identifier: Apache-2.0
// The address bar: pages are real addresses that can be sent to a colleague.
let path = $state(location.pathname);
let query = $state.raw(new URLSearchParams(location.search));

function read(): void {
  path = location.pathname;
  query = new URLSearchParams(location.search);
}

addEventListener('popstate', read);

// A click on a link to ourselves changes the page without loading it; whatever asks for a new tab or a download is the browser's.
addEventListener('click', (e) => {
  if (e.defaultPrevented || e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey || !(e.target instanceof Element)) return;
  const a = e.target.closest('a');
  if (!a || a.target || a.hasAttribute('download') || a.origin !== location.origin || a.pathname.startsWith('/api/')) return;
  if (a.pathname === location.pathname && a.hash) return;
  e.preventDefault();
  go(a.pathname + a.search);
});

export function here(): string {
  return path;
}

export function asked(name: string): string {
  return query.get(name) ?? '';
}

export function go(to: string): void {
  history.pushState(null, '', to);
  read();
  scrollTo(0, 0);
}

// The same page with other parameters: no entry in the history for every key pressed in a filter.
export function ask(parameters: Record<string, string>): void {
  const q = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) if (value) q.set(name, value);
  history.replaceState(null, '', path + (q.size ? `?${q}` : ''));
  read();
}
