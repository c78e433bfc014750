// SPDX-License-Identifier: Apache-2.0
// The console in a browser against the real server, as TAP: console.mjs BINARY. One road in Japanese, the same in English.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { request } from 'node:http';
import { chromium, fromConsole, House, line, night, openBrowser, PASSWORD } from './house.mjs';

const binary = process.argv[2];
const axe = readFileSync(fromConsole.resolve('axe-core/axe.min.js'), 'utf8');
const JS_MAX = 150_000; // bytes, packed

let house, browser;

// ---- what the server sends ----------------------------------------------------------------------------------------------------------------

function fetchRaw(path, headers = {}) {
  return new Promise((done, fail) => {
    request(house.url + path, { headers }, (r) => {
      const pieces = [];
      r.on('data', (x) => pieces.push(x));
      r.on('end', () => done({ status: r.statusCode, headers: r.headers, body: Buffer.concat(pieces) }));
    })
      .on('error', fail)
      .end();
  });
}

async function files_are_served_with_their_headers() {
  const plain = await fetchRaw('/');
  assert.equal(plain.status, 200);
  assert.equal(plain.headers['content-type'], 'text/html; charset=utf-8');
  assert.equal(plain.headers['cache-control'], 'no-cache');
  assert.equal(plain.headers['x-content-type-options'], 'nosniff');
  assert.equal(plain.headers['referrer-policy'], 'no-referrer');
  const csp = plain.headers['content-security-policy'];
  assert.match(csp, /default-src 'none'/);
  assert.match(csp, /frame-ancestors 'none'/);
  assert.doesNotMatch(csp, /unsafe/);
  const packed = await fetchRaw('/', { 'accept-encoding': 'gzip' });
  assert.equal(packed.headers['content-encoding'], 'gzip');
  assert.deepEqual(gunzipSync(packed.body), plain.body);
  assert.equal((await fetchRaw('/', { 'if-none-match': plain.headers.etag })).status, 304);
  const script = /src="(\/assets\/[^"]+\.js)"/.exec(plain.body.toString())[1];
  const js = await fetchRaw(script, { 'accept-encoding': 'gzip' });
  assert.equal(js.headers['cache-control'], 'public, max-age=31536000, immutable');
  assert.equal(js.headers['content-type'], 'text/javascript; charset=utf-8');
  assert.ok(js.body.length < JS_MAX, `${js.body.length} bytes of script`);
}

async function unknown_paths_are_pages_and_the_api_keeps_its_problems() {
  for (const path of ['/alerts', '/incidents/01ABC', '/search'])
    assert.equal((await fetchRaw(path)).headers['content-type'], 'text/html; charset=utf-8', path);
  for (const path of ['/api/v1/nothing', '/nothing.js', '/_cat/indices', '/services/nothing']) {
    const r = await fetchRaw(path);
    assert.equal(r.status, 404, path);
    assert.equal(r.headers['content-type'], 'application/problem+json', path);
  }
}

async function alerts_are_found_by_what_they_are_about() {
  const about = async (query) => (await house.api('GET', `alerts?${query}`)).items;
  const [drill] = await about('entity=host:pc-113.kasumi.example');
  assert.equal(drill.drill, true);
  const all = await about('entity=host:pc-017.kasumi.example&sort=newest');
  assert.ok(all.length >= 3 && all.every((a) => a.entities.some((e) => e.value === 'pc-017.kasumi.example')));
  assert.deepEqual(all.map((a) => a.id), all.map((a) => a.id).sort().reverse());
  // Page by page the same list.
  let cursor = '';
  const paged = [];
  do {
    const page = await house.api('GET', `alerts?entity=host:pc-017.kasumi.example&sort=newest&limit=2&cursor=${cursor}`);
    paged.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor);
  assert.deepEqual(paged.map((a) => a.id), all.map((a) => a.id));
  assert.deepEqual((await about(`rule_id=${all[0].rule_id}`)).filter((a) => a.rule_id !== all[0].rule_id), []);
  for (const wrong of ['entity=web01', 'sort=oldest']) await assert.rejects(house.api('GET', `alerts?${wrong}`), /422/);
}

// ---- in the browser -----------------------------------------------------------------------------------------------------------------------

// What people read, in both languages; the console's own table is not asked, so that a wrong text is noticed here.
const TEXT = {
  ja: {
    login: 'ログイン', wrong: 'ユーザー名かパスワードが違います', alerts: 'アラート', acked: '受領済み', why: 'この順位の理由', fill: '入力してください', reload: '最新の内容を表示',
    close: 'クローズする', verdict: '誤検知', send: '引き継ぐ', waiting: '受領待ち', returned: '返却', return: '返却…', giveBack: '返却する', complete: '補って再送', again: '再送', accept: '受領してインシデントを作る',
    playbook: 'プレイブックを適用', layOut: '適用', start: '着手', done: '完了', eradication: '根絶', note: '何が起きたか、何をしたか', write: '記録する', closing: 'クローズ…', cause: '根本原因',
    action: '対策 1', owner: '担当 1', due: '期限 1', closed: 'クローズ', report: '報告書を作る', makeReport: '作る', firstReport: '第一報', drill: '訓練', logout: 'ログアウト', title: 'レジストリハイブ・ディレクトリDBの複製', other: 'Linux管理者グループへのアカウント追加', stale: 'ほかの人が先に変更しました',
    column: '7文字目', english: 'Log out',
  },
  en: {
    login: 'Log in', wrong: 'The user name or the password is wrong', alerts: 'Alerts', acked: 'Acknowledged', why: 'Why this rank', fill: 'is required', reload: 'Show what it is now',
    close: 'Close it', verdict: 'False positive', send: 'Hand off', waiting: 'Waiting', returned: 'Returned', return: 'Return…', giveBack: 'Return it', complete: 'Complete and send again', again: 'Send again', accept: 'Accept and open an incident',
    playbook: 'Lay out a playbook', layOut: 'Lay out', start: 'Start', done: 'Done', eradication: 'Eradication', note: 'What happened, what was done', write: 'Write it down', closing: 'Close…', cause: 'Root cause',
    action: 'Action 1', owner: 'Owner 1', due: 'Due 1', closed: 'Closed', report: 'Make a report', makeReport: 'Make it', firstReport: 'First report', drill: 'DRILL', logout: 'Log out', title: 'Microsoft Defender Weakened by Command', other: 'Root Logged in over SSH by Password', stale: 'Somebody changed it first',
    column: 'column 7', english: 'ログアウト',
  },
};

// Each language in another colour scheme and width, so that all four are driven.
const VIEW = {
  ja: { locale: 'ja-JP', colorScheme: 'light', viewport: { width: 1280, height: 800 } },
  en: { locale: 'en-GB', colorScheme: 'dark', viewport: { width: 390, height: 844 } },
};

async function open(lang) {
  const context = await browser.newContext({ ...VIEW[lang], timezoneId: 'Asia/Tokyo' });
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  page.problems = [];
  page.on('pageerror', (e) => page.problems.push(e.message));
  page.on('console', (m) => m.type() === 'error' && !/status of 4\d\d/.test(m.text()) && page.problems.push(m.text()));
  await page.goto(house.url);
  return page;
}

async function logIn(page, user, password = PASSWORD) {
  await page.fill('input[name=user]', user);
  await page.fill('input[name=password]', password);
  await page.keyboard.press('Enter');
}

async function close(page) {
  assert.deepEqual(page.problems, []);
  await page.context().close();
}

// No serious violation of WCAG A and AA, and nothing wider than the window.
async function good(page, where) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa'] }));
  const serious = violations.filter((v) => ['serious', 'critical'].includes(v.impact));
  assert.deepEqual(serious.map((v) => `${where}: ${v.id}: ${v.nodes[0].target} ${v.nodes[0].failureSummary}`), []);
  const { wide, window } = await page.evaluate(() => ({ wide: document.scrollingElement.scrollWidth, window: innerWidth }));
  assert.ok(wide <= window, `${where} is ${wide} pixels wide in a window of ${window}`);
}

const button = (page, name) => page.getByRole('button', { name }).first();
const inDialog = (page, name) => page.locator('dialog').getByRole('button', { name });
// Presses a dialog's button and sees the dialog off.
async function finish(page, name) {
  await inDialog(page, name).click();
  await page.locator('dialog').waitFor({ state: 'detached' });
}
const row = (page, title) => page.locator('li[data-id]', { hasText: title });

async function queue(lang) {
  const say = TEXT[lang];
  const page = await open(lang);
  await good(page, 'log-in');
  await logIn(page, 'tanaka', 'wrong-password');
  await page.getByText(say.wrong).waitFor();
  await logIn(page, 'tanaka');
  await page.getByRole('heading', { level: 1, name: say.alerts }).waitFor();
  assert.equal(await page.evaluate(() => document.documentElement.lang), lang);
  await row(page, say.title).waitFor();
  await good(page, 'queue');
  assert.equal(await page.getByText(say.english).count(), 0);
  const drills = page.locator('li[data-id]', { has: page.locator('.drill') });
  assert.ok((await drills.count()) > 0);
  assert.match(await drills.first().innerText(), new RegExp(say.drill));

  // What the stream tells is there without a reload.
  await house.syslog([line(1, `live-${lang}`, 'sudo', 'ito : user NOT in sudoers ; TTY=pts/0 ; PWD=/home/ito ; USER=root ; COMMAND=/usr/bin/id')]);
  await row(page, `live-${lang}`).waitFor();

  // The keyboard: down, down, up; then the filter; then acknowledge.
  const scores = (await page.locator('li[data-id] .score').allInnerTexts()).map((x) => Number(x.match(/\d+$/)[0]));
  assert.deepEqual(scores, [...scores].sort((a, b) => b - a));
  for (const key of 'jjk') await page.keyboard.press(key);
  assert.equal(await page.evaluate(() => document.activeElement.closest('li').dataset.id), await page.locator('li[data-id]').first().getAttribute('data-id'));
  await page.keyboard.press('/');
  await page.keyboard.type(`live-${lang}`);
  await row(page, say.title).waitFor({ state: 'detached' });
  assert.equal(await page.locator('li[data-id]').count(), 1);
  await page.keyboard.press('Escape');
  await page.keyboard.press('j');
  await page.keyboard.press('a');
  await row(page, say.acked).waitFor();
  await page.reload();
  await row(page, say.acked).waitFor();
  await page.keyboard.press('j');
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/alerts\/\w+$/);
  const id = page.url().split('/').pop();

  // Back finds the filter and the place.
  await page.locator('.terms').waitFor();
  await page.keyboard.press('u');
  await page.waitForURL(/q=live/);
  await page.waitForFunction((x) => document.activeElement?.closest('li')?.dataset.id === x, id);
  await close(page);
}

async function alert(lang) {
  const say = TEXT[lang];
  const { items } = await house.api('GET', 'alerts?limit=200');
  const a = items.find((x) => [x.title, x.title_ja].includes(say.other));
  const page = await open(lang);
  await logIn(page, 'tanaka');
  await row(page, say.other).getByRole('link').click();
  await page.getByRole('heading', { level: 1, name: say.other }).waitFor();
  await page.getByText(a.explanation[lang]).waitFor();
  await page.getByText(say.why).waitFor();
  const values = (await page.locator('.terms tbody .num').allInnerTexts()).map((x) => Number(x.replace('−', '-')));
  assert.equal(values.reduce((s, v) => s + v, 0), Number(await page.locator('.terms .sum').innerText()));
  await page.locator('pre mark').first().waitFor();
  await good(page, 'alert');
  await page.keyboard.press('a');
  await page.locator('header.head', { hasText: say.acked }).waitFor();

  // Somebody is faster while the form is open: both versions are shown, nothing is lost or overwritten.
  await page.keyboard.press('c');
  await page.locator('dialog').getByText(say.verdict, { exact: true }).click();
  await page.fill('dialog textarea', 'x');
  const now = await house.api('GET', `alerts/${a.id}`);
  const lead = await house.as('mori');
  await lead('PATCH', `alerts/${a.id}`, { assignee: 'mori' }, { 'if-match': `"v${now.version}"` });
  await inDialog(page, say.close).click();
  await page.getByText(say.stale).waitFor();
  await good(page, 'stale');
  assert.match(await page.locator('dialog table').innerText(), /田中 美咲\s+森 由紀子/);
  await finish(page, say.reload);
  await page.locator('header.head', { hasText: '森 由紀子' }).waitFor();
  assert.equal((await house.api('GET', `alerts/${a.id}`)).status, 'acknowledged');

  // Closing asks for both, then closes.
  await page.keyboard.press('c');
  await inDialog(page, say.close).click();
  await page.locator('dialog .problem').first().waitFor();
  assert.equal(await page.locator('dialog').getByText(say.fill).count(), 2);
  await page.locator('dialog').getByText(say.verdict, { exact: true }).click();
  await page.fill('dialog textarea', lang === 'ja' ? '計画作業でした' : 'Planned work');
  await finish(page, say.close);
  await page.locator('header.head .verdict').waitFor();
  await close(page);
}

async function handOff(lang) {
  const say = TEXT[lang];
  const analyst = await open(lang);
  await logIn(analyst, 'tanaka');
  await row(analyst, say.title).getByRole('link').click();
  await analyst.getByRole('heading', { level: 1, name: say.title }).waitFor();
  await analyst.keyboard.press('e');
  await good(analyst, 'hand-off form');
  assert.notEqual(await analyst.inputValue('dialog [name=seen]'), '');
  if (lang === 'ja') await analyst.locator('dialog fieldset label', { hasText: 'Office' }).click();
  await inDialog(analyst, say.send).click();
  await analyst.locator('dialog [aria-invalid=true]').first().waitFor();
  assert.deepEqual(await analyst.locator('dialog [aria-invalid=true]').evaluateAll((all) => all.map((x) => x.name)), ['done', 'not_checked', 'asked']);
  for (const name of ['done', 'not_checked', 'asked']) await analyst.fill(`dialog [name=${name}]`, `${name} ${lang}`);
  await finish(analyst, say.send);
  await analyst.locator('header.head', { hasText: say.waiting }).waitFor();

  if (lang === 'ja') await analyst.locator('section li a').nth(1).waitFor();

  const handler = await open(lang);
  await logIn(handler, 'suzuki');
  await handler.locator('nav').getByRole('link').nth(1).click();
  await handler.getByRole('link', { name: `asked ${lang}` }).click();
  await button(handler, say.return).click();
  await inDialog(handler, say.giveBack).click();
  await handler.locator('dialog [aria-invalid=true]').waitFor();
  await handler.fill('dialog textarea', `more ${lang}`);
  await finish(handler, say.giveBack);

  // The sender sees it by himself.
  await analyst.locator('header.head', { hasText: say.returned }).waitFor();
  await analyst.getByText(`more ${lang}`).waitFor();
  await button(analyst, say.complete).click();
  await analyst.fill('dialog [name=not_checked]', `checked ${lang}`);
  await finish(analyst, say.again);
  await analyst.locator('header.head', { hasText: say.waiting }).waitFor();
  await close(analyst);

  await handler.getByText(`checked ${lang}`).waitFor();
  await good(handler, 'hand-off');
  await button(handler, say.accept).click();
  await handler.waitForURL(/\/incidents\/\w+$/);
  return handler;
}

async function incident(page, lang) {
  const say = TEXT[lang];
  await page.getByRole('heading', { level: 1, name: say.title }).waitFor();
  await button(page, say.playbook).click();
  await finish(page, say.layOut);
  await button(page, say.start).click();
  await button(page, say.done).click();
  await finish(page, say.done);
  await page.fill('#timeline-text', `note ${lang}`);
  await button(page, say.write).click();
  await page.locator('li.note', { hasText: `note ${lang}` }).waitFor();
  await page.locator('li.task').waitFor();
  await page.getByRole('button', { name: say.eradication }).click();
  await page.locator('[aria-current=step]', { hasText: say.eradication }).waitFor();
  await page.locator('li.phase', { hasText: say.eradication }).waitFor();
  await good(page, 'incident');
  await button(page, say.report).click();
  await page.locator('dialog select[name=format]').selectOption('html');
  await finish(page, say.makeReport);
  const report = await page.getByRole('link', { name: say.firstReport }).getAttribute('href');
  const text = await page.evaluate(async (url) => (await fetch(url)).text(), report);
  assert.match(text, new RegExp(`lang="${lang}"`));
  await button(page, say.closing).click();
  await inDialog(page, say.close).click();
  await page.locator('dialog [aria-invalid=true]').waitFor();
  await page.getByLabel(say.cause).fill(`cause ${lang}`);
  await page.getByLabel(say.action).fill(`action ${lang}`);
  await page.getByLabel(say.owner).fill('mori');
  await page.getByLabel(say.due).fill('2027-01-31');
  await good(page, 'closing');
  await finish(page, say.close);
  await page.locator('header.head', { hasText: say.closed }).waitFor();
  await page.getByText(`action ${lang}`).waitFor();
  await button(page, say.logout).click();
  await page.getByRole('button', { name: say.login }).waitFor();
  await close(page);
}

async function search(lang) {
  const page = await open(lang);
  await logIn(page, 'tanaka');
  await page.getByRole('heading', { name: TEXT[lang].alerts }).waitFor();
  await page.goto(`${house.url}/search?q=web01%20Failed&from=-24h`);
  await page.locator('summary', { hasText: 'Failed password for root' }).first().click();
  await page.locator('details[open] table').waitFor();
  await good(page, 'search');
  await page.goto(`${house.url}/search?q=${encodeURIComponent('web01 | stats count by _host')}&from=-24h`);
  await page.getByRole('cell', { name: 'web01' }).waitFor();
  await page.goto(`${house.url}/search?q=user%3D(&from=-24h`);
  await page.getByText(TEXT[lang].column).waitFor();
  await good(page, 'search error');
  await close(page);
}

// ---- what goes wrong ------------------------------------------------------------------------------------------------------------------------

async function a_cut_connection_catches_up() {
  const page = await open('ja');
  await logIn(page, 'tanaka');
  await page.locator('.live.live').waitFor();
  await page.context().setOffline(true);
  await page.waitForFunction(() => fetch('/api/v1/me').then(() => false, () => true));
  await house.syslog([line(1, 'while-away', 'sudo', 'ito : user NOT in sudoers ; TTY=pts/0 ; PWD=/home/ito ; USER=root ; COMMAND=/usr/bin/id')]);
  for (;;) {
    const found = await house.api('GET', 'alerts?entity=host:while-away');
    if (found.items.length) break;
    await new Promise((r) => setTimeout(r, 50));
  }
  assert.equal(await row(page, 'while-away').count(), 0);
  await page.context().setOffline(false);
  await row(page, 'while-away').waitFor();
  await page.locator('.live.live').waitFor();
  page.problems = page.problems.filter((p) => !p.includes('ERR_INTERNET_DISCONNECTED'));
  await close(page);
}

async function an_ended_session_asks_for_the_log_in_and_comes_back() {
  const page = await open('ja');
  await logIn(page, 'tanaka');
  await page.locator('li[data-id] a').first().click();
  await page.waitForURL(/\/alerts\/\w+$/);
  const at = page.url();
  await page.locator('.terms').waitFor();
  await page.context().clearCookies();
  await page.keyboard.press('u');
  await page.locator('input[name=password]').waitFor();
  await page.goBack();
  await logIn(page, 'tanaka');
  await page.locator('.terms').waitFor();
  assert.equal(page.url(), at);
  await close(page);
}

async function a_flood_of_changes_does_not_become_a_flood_of_questions() {
  const page = await open('ja');
  await logIn(page, 'tanaka');
  await page.locator('.live.live').waitFor();
  const { items } = await house.api('GET', 'alerts?limit=1&priority=P3');
  // The first answer is kept back until the flood is over: until then nothing more may be asked.
  let asked = 0;
  let release;
  const over = new Promise((done) => (release = done));
  await page.route('**/api/v1/alerts**', async (route) => {
    asked++;
    await over;
    await route.continue();
  });
  const lead = await house.as('mori');
  const CHANGES = 40;
  for (let i = 0; i < CHANGES; i++) {
    const a = await house.api('GET', `alerts/${items[0].id}`);
    await lead('PATCH', `alerts/${a.id}`, { assignee: `turn-${i}` }, { 'if-match': `"v${a.version}"` });
  }
  assert.ok(asked <= 1, `${asked} requests while the first was not answered`);
  release();
  await page.locator(`li[data-id="${items[0].id}"]`, { hasText: `turn-${CHANGES - 1}` }).waitFor();
  await close(page);
}

async function a_viewer_may_only_look() {
  const page = await open('ja');
  await logIn(page, 'ueda');
  await page.locator('li[data-id]').first().waitFor();
  assert.equal(await page.locator('li[data-id] button').count(), 0);
  await page.keyboard.press('j');
  await page.keyboard.press('a');
  await page.keyboard.press('Enter');
  await page.locator('.terms').waitFor();
  assert.equal(await page.locator('header.head button').count(), 0);
  await page.keyboard.press('e');
  assert.equal(await page.locator('dialog').count(), 0);
  await close(page);
}

function road(lang) {
  return {
    [`${lang}: log_in_and_queue`]: () => queue(lang),
    [`${lang}: alert_and_somebody_faster`]: () => alert(lang),
    [`${lang}: hand_off_return_accept_work_close`]: async () => incident(await handOff(lang), lang),
    [`${lang}: search`]: () => search(lang),
  };
}

// Those of the server alone run without a browser too.
const SERVER = { files_are_served_with_their_headers, unknown_paths_are_pages_and_the_api_keeps_its_problems, alerts_are_found_by_what_they_are_about };
const BROWSER = {
  ...road('ja'),
  ...road('en'),
  a_cut_connection_catches_up,
  an_ended_session_asks_for_the_log_in_and_comes_back,
  a_flood_of_changes_does_not_become_a_flood_of_questions,
  a_viewer_may_only_look,
};

async function one(number, name, run) {
  try {
    await run();
    console.log(`ok ${number} - ${name}`);
    return 0;
  } catch (e) {
    console.log(`not ok ${number} - ${name}\n# ${String(e.stack ?? e).replaceAll('\n', '\n# ')}`);
    return 1;
  }
}

async function main() {
  const tests = Object.entries({ ...SERVER, ...BROWSER });
  let failed = 0;
  console.log(`1..${tests.length}`);
  house = await House.open(binary);
  browser = chromium() ? await openBrowser() : null;
  try {
    await night(house);
    await house.alerts(12);
    for (const [i, [name, run]] of tests.entries())
      if (browser || name in SERVER) failed += await one(i + 1, name, run);
      else console.log(`ok ${i + 1} - ${name} # SKIP chromium is not installed`);
  } finally {
    await browser?.close();
    await house.close();
  }
  return failed ? 1 : 0;
}

process.exit(await main());
