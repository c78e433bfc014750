// SPDX-License-Identifier: Apache-2.0
// Pictures of the console with a night's alerts in it: pictures.mjs BINARY DIR [all]. Without "all": those of the documentation, 1280 pixels wide.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { House, night, openBrowser, PASSWORD } from './house.mjs';

const [binary, dir, all] = process.argv.slice(2);
mkdirSync(dir, { recursive: true });
const house = await House.open(binary);
const browser = await openBrowser();

async function page(lang, scheme, width, user = 'tanaka') {
  const context = await browser.newContext({ locale: lang === 'ja' ? 'ja-JP' : 'en-GB', timezoneId: 'Asia/Tokyo', colorScheme: scheme, viewport: { width, height: width < 500 ? 844 : 800 } });
  const p = await context.newPage();
  p.on('console', (m) => ['error', 'warning'].includes(m.type()) && console.error('console:', m.text()));
  p.on('pageerror', (e) => console.error('page error:', e.message));
  await p.goto(house.url);
  await p.fill('input[name=user]', user);
  await p.fill('input[name=password]', PASSWORD);
  await p.keyboard.press('Enter');
  await p.waitForSelector('header nav');
  return p;
}

try {
  await night(house);
  await house.alerts(8);
  for (const lang of ['ja', 'en'])
    for (const scheme of all ? ['light', 'dark'] : ['light'])
      for (const width of all ? [1280, 390] : [1280]) {
        const p = await page(lang, scheme, width);
        const name = (what) => join(dir, all ? `${what}-${lang}-${scheme}-${width}.png` : `${what}-${lang}.png`);
        await p.goto(`${house.url}/alerts`);
        await p.waitForSelector('li[data-id]');
        await p.waitForTimeout(300);
        await p.screenshot({ path: name('queue') });
        await p.context().close();
      }
} finally {
  await browser.close();
  await house.close();
}
