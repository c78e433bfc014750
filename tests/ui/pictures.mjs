// SPDX-License-Identifier: Apache-2.0
// Pictures of the console on the morning after a bad night: pictures.mjs BINARY DIR [all]. Without "all": those of the documentation, 1280 pixels
// wide by day; with it every page in both languages, both widths and both colour schemes, for looking at.
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { House, morning, night, openBrowser, PASSWORD } from './house.mjs';

const [binary, dir, all] = process.argv.slice(2);
mkdirSync(dir, { recursive: true });

async function open(browser, house, lang, scheme, width, user) {
  const context = await browser.newContext({ locale: lang === 'ja' ? 'ja-JP' : 'en-GB', timezoneId: 'Asia/Tokyo', colorScheme: scheme, viewport: { width, height: width < 500 ? 844 : 860 } });
  const page = await context.newPage();
  page.on('console', (m) => m.type() === 'error' && !m.text().includes('401') && console.error('console:', m.text()));
  page.on('pageerror', (e) => console.error('page error:', e.message));
  await page.goto(house.url);
  await page.fill('input[name=user]', user);
  await page.fill('input[name=password]', PASSWORD);
  if (all) await page.screenshot({ path: join(dir, `login-${lang}-${scheme}-${width}.png`) });
  await page.keyboard.press('Enter');
  await page.waitForSelector('header nav');
  return page;
}

async function take(page, house, path, file, fullPage, act) {
  await page.goto(house.url + path);
  await page.waitForSelector('h1');
  await page.waitForTimeout(500);
  if (act) await act(page);
  await page.screenshot({ path: file, fullPage });
  // Fewer colours suffice for a page of text.
  if (!all) execFileSync('optipng', ['-quiet', '-o2', file]);
}

async function pictures(house, browser, lang, seen, scheme, width) {
  const name = (what) => join(dir, all ? `${what}-${lang}-${scheme}-${width}.png` : `${what}-${lang}.png`);
  const analyst = await open(browser, house, lang, scheme, width, 'tanaka');
  await take(analyst, house, '/alerts', name('queue'), false);
  const { items } = await house.api('GET', 'alerts?limit=50');
  const alert = items.find((a) => a.title.startsWith('Office')) ?? items[0];
  await take(analyst, house, `/alerts/${alert.id}`, name('alert'), !!all);
  if (all) {
    await take(analyst, house, `/alerts/${alert.id}`, name('alert-handoff'), false, async (p) => {
      await p.keyboard.press('e');
      await p.waitForTimeout(200);
      await p.locator('dialog .primary').click();
      await p.waitForTimeout(500);
    });
    await take(analyst, house, `/handoffs/${seen.handoff}`, name('handoff'), true);
    await take(analyst, house, '/handoffs', name('handoffs'), false);
    await take(analyst, house, '/search?q=web01%20Failed&from=-24h', name('search'), false);
    await take(analyst, house, '/search?q=user%3D(&from=-24h', name('search-error'), false);
    await take(analyst, house, '/alerts?q=nothing-like-this', name('queue-empty'), false);
  }
  await analyst.context().close();
  const handler = await open(browser, house, lang, scheme, width, 'suzuki');
  await take(handler, house, `/incidents/${seen.incident}`, name('incident'), !!all);
  if (all) {
    await take(handler, house, '/incidents', name('incidents'), false);
    await take(handler, house, `/incidents/${seen.incident}`, name('incident-close'), false, async (p) => {
      await p.locator('header.head button').last().click();
      await p.waitForTimeout(200);
      await p.locator('dialog .primary').click();
      await p.waitForTimeout(500);
    });
  }
  await handler.context().close();
}

const browser = await openBrowser();
try {
  for (const lang of ['ja', 'en']) {
    const house = await House.open(binary, lang);
    try {
      await night(house);
      await house.alerts(12);
      const seen = await morning(house, lang);
      for (const scheme of all ? ['light', 'dark'] : ['light']) for (const width of all ? [1280, 390] : [1280]) await pictures(house, browser, lang, seen, scheme, width);
    } finally {
      await house.close();
    }
  }
} finally {
  await browser.close();
}
