// SPDX-License-Identifier: Apache-2.0
import { Problem, type ProblemItem } from './api';
import { currentLang, known, t, word } from './lang.svelte';

// One finding as a sentence. The server's own Japanese, else ours by its code, else what it says.
export function sayItem(item: ProblemItem): string {
  const place = item.column ? `${t('search.at', { column: item.column })}: ` : '';
  if (currentLang() === 'ja') {
    if (item.message_ja) return place + item.message_ja;
    if (item.code && known(`problem.field.${item.code}`)) return place + word('problem.field', item.code);
  }
  return place + item.message;
}

// What belongs to one field of a form.
export function fieldProblem(error: unknown, field: string): string {
  const item = error instanceof Problem ? error.errors.find((e) => e.field === field) : undefined;
  return item ? sayItem(item) : '';
}
