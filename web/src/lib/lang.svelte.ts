// SPDX-License-Identifier: Apache-2.0
// The language of the console, and every text in it by its key.
import { TEXT } from './text';

export type Lang = 'ja' | 'en';
export type Both = Record<Lang, string>;
export type Key = keyof typeof TEXT;

// {n} is a parameter; {n|event|events} is the parameter and the word that fits its number.
type Parameter<S> = S extends `${infer N}|${string}` ? N : S;
type Parameters<S> = S extends `${string}{${infer P}}${infer Rest}` ? Parameter<P> | Parameters<Rest> : never;
type Needs<K extends Key> = Parameters<(typeof TEXT)[K][Lang]>;
// Keys that need no parameter: what a table of labels holds.
export type Label = { [K in Key]: [Needs<K>] extends [never] ? K : never }[Key];
type Given<K extends Key> = [Needs<K>] extends [never] ? [] : [Record<Needs<K> & string, string | number>];

const STORED = 'hinomi.lang';

function first(): Lang {
  const kept = localStorage.getItem(STORED);
  if (kept === 'ja' || kept === 'en') return kept;
  return navigator.language.startsWith('ja') ? 'ja' : 'en';
}

let lang = $state<Lang>(first());

export function currentLang(): Lang {
  return lang;
}

export function setLang(to: Lang): void {
  lang = to;
  localStorage.setItem(STORED, to);
}

function fill(text: string, given: Record<string, string | number>): string {
  return text.replace(/\{(\w+)(?:\|([^|}]*)\|([^}]*))?\}/g, (_, name: string, one?: string, many?: string) => {
    const value = given[name] ?? '';
    return many === undefined ? String(value) : `${value} ${value === 1 ? one : many}`;
  });
}

export function t<K extends Key>(key: K, ...given: Given<K>): string {
  return fill(TEXT[key][lang], (given[0] ?? {}) as Record<string, string | number>);
}

// A word of the API (a status, a verdict …) that may be newer than this console: then the word itself.
export function word(group: string, value: string): string {
  const key = `${group}.${value}`;
  return key in TEXT ? TEXT[key as Key][lang] : value.replaceAll('_', ' ');
}
export function both(text: Partial<Both> | string | null | undefined): string {
  if (!text) return '';
  return typeof text === 'string' ? text : text[lang] || text.en || text.ja || '';
}

// A rule's title is English and may have a Japanese one; an incident's is what the first alert was called in Japanese, and may have an English one.
export function titleOf(o: { title: string; title_ja?: string; title_en?: string | null }): string {
  return (lang === 'ja' ? o.title_ja : o.title_en) || o.title;
}
