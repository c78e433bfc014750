// SPDX-License-Identifier: Apache-2.0
// The API's objects (docs/formats/api-objects.md), as far as the console reads them.
import type { Both } from './lang.svelte';

// A text in one language or in both.
export type Text = Both | string;
export type Priority = 'P1' | 'P2' | 'P3' | 'P4';
export type Level = 'informational' | 'low' | 'medium' | 'high' | 'critical';
export type AlertStatus = 'new' | 'acknowledged' | 'investigating' | 'escalated' | 'closed';
export type Verdict = 'true_positive' | 'false_positive' | 'benign' | 'suspicious' | 'duplicate' | 'test' | 'insufficient_data' | 'other';
export type Phase = 'detection' | 'containment' | 'eradication' | 'recovery' | 'recurrence_prevention';
export type Permission = 'alert' | 'handoff_send' | 'handoff_decide' | 'incident' | 'approve' | 'report' | 'audit' | 'admin';

export const PRIORITIES: readonly Priority[] = ['P1', 'P2', 'P3', 'P4'];
export const VERDICTS: readonly Verdict[] = ['true_positive', 'false_positive', 'benign', 'suspicious', 'duplicate', 'test', 'insufficient_data', 'other'];
export const PHASES: readonly Phase[] = ['detection', 'containment', 'eradication', 'recovery', 'recurrence_prevention'];
export const TLPS = ['CLEAR', 'GREEN', 'AMBER', 'AMBER+STRICT', 'RED'] as const;

export interface List<T> {
  items: T[];
  next_cursor: string | null;
}

export interface Stored {
  id: string;
  number: number;
  version: number;
  created_at: string;
  updated_at: string;
}

export interface Me {
  user: string;
  roles: string[];
  permissions: string[];
  organisation: string;
}

export interface Term {
  name: string;
  value: number;
  why: string;
  why_ja?: string;
}

export interface Entity {
  kind: string;
  value: string;
  guessed?: boolean;
}

export interface Call {
  who: string[];
  by: string[];
  called_at: string;
  ack_due_at: string | null;
  state: 'waiting' | 'acknowledged' | 'climbed';
}

export interface Alert extends Stored {
  title: string;
  title_ja?: string;
  rule_id: string;
  level: Level;
  status: AlertStatus;
  verdict: Verdict | null;
  reason: string | null;
  assignee: string | null;
  count: number;
  events: number;
  first_seen: string;
  last_seen: string;
  entities: Entity[];
  tags: string[];
  tactics: string[];
  score: number;
  score_terms: Term[];
  priority: Priority;
  explanation: Both;
  handoff_id?: string | null;
  incident_ids: string[];
  drill: boolean;
  ack_due_at?: string | null;
  acked_at?: string | null;
  acked_by?: string | null;
  closed_at?: string | null;
  closed_by?: string | null;
  closed_incident_id?: string | null;
  calls: Call[];
}

export interface Matched {
  selection: string;
  field: string;
  value: unknown;
}

export interface AlertEvent {
  event_id: string;
  time: string;
  rule_title: string;
  host: string;
  source: string;
  matched: Matched[];
  event?: Record<string, unknown>;
  raw?: string;
}

export interface Entry {
  seq: number;
  time: string;
  actor: string;
  role: string;
  noun: string;
  verb: string;
  before: Record<string, unknown> | null;
  after: Record<string, unknown> | null;
}

export interface Package {
  alert_ids: string[];
  seen: string;
  done: string;
  not_checked: string;
  asked: string;
  priority: Priority;
  priority_reason: string;
}

export interface Handoff extends Stored, Package {
  status: 'sent' | 'returned' | 'accepted';
  sent_by: string;
  sent_at: string;
  accept_due_at?: string | null;
  returned_by?: string | null;
  returned_at?: string | null;
  return_reason?: string | null;
  accepted_by?: string | null;
  accepted_at?: string | null;
  incident_id: string | null;
  drill: boolean;
}

export interface Measure {
  action: string;
  owner: string;
  due: string;
}

export interface Asset {
  kind: string;
  value: string;
  criticality: string;
}

export interface Indicator {
  type: string;
  value: string;
}

export type Finding = 'confirmed' | 'suspected' | 'unknown';
export const FINDINGS: readonly Finding[] = ['confirmed', 'suspected', 'unknown'];

export interface Incident extends Stored {
  title: string;
  title_en?: string | null;
  status: 'open' | 'closed';
  phase: Phase;
  priority: Priority;
  severity: Level;
  tlp: (typeof TLPS)[number];
  commander: string | null;
  roles: Record<string, string>;
  alert_ids: string[];
  handoff_ids: string[];
  assets: Asset[];
  indicators: Indicator[];
  cause: string | null;
  recurrence_prevention: Measure[];
  summary?: Text | null;
  findings?: Partial<Record<Finding, Text[]>> | null;
  next_update_at?: string | null;
  opened_at: string;
  closed_at?: string | null;
  closed_by?: string | null;
  drill: boolean;
}

export interface TimelineItem extends Stored {
  time: string;
  kind: string;
  text: Both;
  actor: string;
  ref?: { noun: string; id: string };
}

export type TaskStatus = 'open' | 'in_progress' | 'done' | 'skipped';

export interface Task extends Stored {
  title: Both;
  description?: Both;
  phase: Phase;
  owner?: string | null;
  owner_role?: string;
  status: TaskStatus;
  due_at?: string | null;
  done_at?: string | null;
  result?: string | null;
}

export interface Custody {
  id: string;
  from: string;
  to: string;
  reason: string;
  at: string;
  accepted_at: string | null;
}

export interface Evidence extends Stored {
  name: string;
  sha256: string;
  size: number;
  source?: string;
  collected_by: string;
  collected_at: string;
  custodian: string;
  hold: boolean;
  custody: Custody[];
}

export interface Decision extends Stored {
  title: string;
  options?: unknown;
  decided: string;
  reason: string;
  decided_by: string;
  decided_at: string;
  status: 'proposed' | 'approved' | 'denied';
  approver?: string;
  approver_reason?: string;
}

export interface Report extends Stored {
  kind: 'first' | 'follow_up' | 'final';
  lang: 'ja' | 'en';
  format: 'html' | 'pdf';
  sha256: string;
  size: number;
  created_by: string;
}

export interface Playbook {
  id: string;
  name: Both;
  description?: Both;
  steps: unknown[];
}

export interface Rule {
  id: string;
  title: string;
  title_ja?: string;
  level: Level;
  status: string;
  description: string;
  explanation?: Both;
  path: string;
}

export interface User extends Stored {
  name: string;
  display_name?: string;
  roles: string[];
}

export type Row = Record<string, unknown>;

export interface SearchAnswer extends List<Row> {
  partial: boolean;
  rows_read: number;
}
