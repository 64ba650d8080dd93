import type { ActivityLog } from './activity-log.js';
import type { ActivityLogElement } from '../activity-log.js';
import type { Messages } from './texts.js';

/** The component has what its published types say; the compiler checks it. */
export type Checked = ActivityLog extends Omit<ActivityLogElement, 'messages'>
  ? Messages extends Partial<ActivityLogElement['messages']>
    ? true
    : never
  : never;
export const checked: Checked = true;
