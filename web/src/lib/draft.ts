// SPDX-License-Identifier: Apache-2.0
// The hand-off that an alert suggests: what it tells is written down, what only the analyst knows stays empty.
import { both, t, word } from './lang.svelte';
import { clockTime } from './time.svelte';
import type { Alert, Package } from './types';

export function draftOf(a: Alert): Package {
  const seen = [both(a.explanation), `${clockTime(a.first_seen)} – ${clockTime(a.last_seen)}`];
  for (const e of a.entities.slice(0, 8)) seen.push(`${word('entity', e.kind)}: ${e.value}`);
  const terms = a.score_terms.map((x, i) => `${word('term', x.name)} ${x.value >= 0 && i ? '+' : ''}${x.value}`).join(t('list.comma'));
  return {
    alert_ids: [a.id],
    seen: seen.join('\n'),
    done: a.acked_at ? t('handoff.draft.done', { who: a.acked_by ?? '', time: clockTime(a.acked_at) }) : '',
    not_checked: '',
    asked: '',
    priority: a.priority,
    priority_reason: t('handoff.draft.priority', { score: a.score, terms }),
  };
}
