// SPDX-License-Identifier: Apache-2.0
import { Problem, type ProblemItem } from './api';
import { currentLang, t } from './lang.svelte';

// One finding as a sentence. The server's Japanese where it has one.
export function sayItem(item: ProblemItem): string {
  const place = item.column ? `${t('search.at', { column: item.column })}: ` : '';
  return place + ((currentLang() === 'ja' && item.message_ja) || item.message);
}

// What belongs to one field of a form.
export function fieldProblem(error: unknown, field: string): string {
  const item = error instanceof Problem ? error.errors.find((e) => e.field === field) : undefined;
  return item ? sayItem(item) : '';
}
