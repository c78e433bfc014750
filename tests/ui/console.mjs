// SPDX-License-Identifier: Apache-2.0
// The console in a browser against the real server, as TAP: console.mjs BINARY. One road in Japanese, the same in English.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { request } from 'node:http';
import { chromium, fromConsole, House, night, openBrowser, PASSWORD } from './house.mjs';

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

// ---- in the browser -----------------------------------------------------------------------------------------------------------------------

const TEXT = {
  ja: { login: 'ログイン', wrong: 'ユーザー名かパスワードが違います', ack: '受領確認', acked: '受領済み', alerts: 'アラート' },
  en: { login: 'Log in', wrong: 'The user name or the password is wrong', ack: 'Acknowledge', acked: 'Acknowledged', alerts: 'Alerts' },
};

async function open(lang, width = 1280) {
  const context = await browser.newContext({ locale: lang === 'ja' ? 'ja-JP' : 'en-GB', viewport: { width, height: 800 } });
  const page = await context.newPage();
  page.setDefaultTimeout(8000);
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

async function accessible(page, where) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa'] }));
  const serious = violations.filter((v) => ['serious', 'critical'].includes(v.impact));
  assert.deepEqual(serious.map((v) => `${where}: ${v.id}: ${v.nodes[0].target} ${v.nodes[0].failureSummary}`), []);
}

function road(lang) {
  const say = TEXT[lang];
  return async () => {
    const page = await open(lang);
    await accessible(page, 'log-in');
    await logIn(page, 'tanaka', 'wrong-password');
    await page.getByText(say.wrong).waitFor();
    await logIn(page, 'tanaka');
    await page.getByRole('heading', { level: 1, name: say.alerts }).waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.lang), lang);
    const row = page.locator('li[data-id]', { hasText: lang === 'ja' ? 'レジストリハイブ' : 'Registry Hives' });
    await row.waitFor();
    await accessible(page, 'queue');
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    await page.keyboard.press('k');
    assert.equal(await page.evaluate(() => document.activeElement.closest('li').dataset.id), await page.locator('li[data-id]').first().getAttribute('data-id'));
    await close(page);
  };
}

const TESTS = [
  ['files_are_served_with_their_headers', files_are_served_with_their_headers],
  ['unknown_paths_are_pages_and_the_api_keeps_its_problems', unknown_paths_are_pages_and_the_api_keeps_its_problems],
  ['the_road_in_japanese', road('ja')],
  ['the_road_in_english', road('en')],
];

async function main() {
  console.log(`1..${TESTS.length}`);
  if (!chromium()) {
    TESTS.forEach(([name], i) => console.log(`ok ${i + 1} - ${name} # SKIP chromium is not installed`));
    return 77;
  }
  let failed = 0;
  house = await House.open(binary);
  browser = await openBrowser();
  try {
    await night(house);
    await house.alerts(8);
    for (const [i, [name, run]] of TESTS.entries())
      try {
        await run();
        console.log(`ok ${i + 1} - ${name}`);
      } catch (e) {
        failed++;
        console.log(`not ok ${i + 1} - ${name}\n# ${String(e.stack ?? e).replaceAll('\n', '\n# ')}`);
      }
  } finally {
    await browser.close();
    await house.close();
  }
  return failed ? 1 : 0;
}

process.exit(await main());
