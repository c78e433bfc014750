// SPDX-License-Identifier: Apache-2.0
// The hand-off that an alert suggests: what it tells is written down, what only the analyst knows stays empty.
import { both, t, word } from './lang.svelte';
import { person } from './session.svelte';
import { clockTime } from './time.svelte';
import type { Alert, Entity, Package } from './types';

// What an alert is about first: its host, else its user, else its address.
export function subjectOf(a: Alert): Entity | undefined {
  return ['host', 'user', 'ip'].map((kind) => a.entities.find((e) => e.kind === kind)).find((e) => e !== undefined);
}

export function draftOf(a: Alert): Package {
  const times = [...new Set([clockTime(a.first_seen), clockTime(a.last_seen)])].join(' – ');
  const seen = [both(a.explanation), times];
  for (const e of a.entities.slice(0, 8)) seen.push(`${word('entity', e.kind)}: ${e.value}`);
  const terms = a.score_terms.map((x, i) => `${word('term', x.name)} ${x.value >= 0 && i ? '+' : ''}${x.value}`).join(t('list.comma'));
  return {
    alert_ids: [a.id],
    seen: seen.join('\n'),
    done: a.acked_at ? t('handoff.draft.done', { who: person(a.acked_by), time: clockTime(a.acked_at) }) : '',
    not_checked: '',
    asked: '',
    priority: a.priority,
    priority_reason: t('handoff.draft.priority', { score: a.score, terms }),
  };
}
