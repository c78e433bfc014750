// SPDX-License-Identifier: Apache-2.0
// Ages that tick, and times in the reader's own zone (the API speaks UTC).
import { currentLang, t } from './lang.svelte';

let now = $state(Date.now());
setInterval(() => (now = Date.now()), 1000);

export function tick(): number {
  return now;
}

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export function span(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds));
  if (s < MINUTE) return t('span.s', { s });
  if (s < HOUR) return t('span.m', { m: Math.floor(s / MINUTE) });
  if (s < DAY) return t('span.hm', { h: Math.floor(s / HOUR), m: Math.floor((s % HOUR) / MINUTE) });
  return t('span.d', { d: Math.floor(s / DAY) });
}

export function secondsSince(time: string): number {
  return (now - Date.parse(time)) / 1000;
}

function format(time: string, options: Intl.DateTimeFormatOptions): string {
  const d = new Date(time);
  return Number.isNaN(d.getTime()) ? time : new Intl.DateTimeFormat(currentLang() === 'ja' ? 'ja-JP' : 'en-GB', options).format(d);
}

export function clockTime(time: string): string {
  return format(time, { month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
}

export function dayOf(time: string): string {
  return format(time, { year: 'numeric', month: 'short', day: 'numeric', weekday: 'short' });
}

export function timeOfDay(time: string): string {
  return format(time, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
}
