// SPDX-License-Identifier: Apache-2.0
// A member's value as a person reads it: words of the API in his language, people by their names, the rest as it is.
import { both, word, type Both } from './lang.svelte';
import { person } from './session.svelte';

const WORDS: Record<string, string> = { status: 'status', verdict: 'verdict', phase: 'phase', severity: 'level' };
const PEOPLE = ['assignee', 'commander', 'owner'];

export function sayMember(name: string, v: unknown): string {
  if (v === null || v === undefined || v === '') return '—';
  if (typeof v === 'object') return 'ja' in v || 'en' in v ? both(v as Partial<Both>) : JSON.stringify(v);
  const group = WORDS[name];
  if (group) return word(group, String(v));
  return PEOPLE.includes(name) ? person(String(v)) : String(v);
}
