// SPDX-License-Identifier: Apache-2.0
// The roles that an incident is staffed with, in the order in which they are filled.
export const ROLES = ['commander', 'handler', 'scribe', 'liaison', 'legal', 'pr'] as const;
