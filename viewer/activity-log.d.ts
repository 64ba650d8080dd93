/** The types of the web component, for hosts. */

/** A message, or one for each plural category (Unicode CLDR) of the value `count`. */
export type Message = string | { readonly [category: string]: string };

/** A project to choose from. */
export interface Project {
  slug: string;
  name: string;
  environments?: { slug: string; name: string }[];
}

/** `<activity-log src="…/api/activities">` */
export interface ActivityLogElement extends HTMLElement {
  /** The address of the list, relative to the document. */
  src: string;
  /** Gives the token that requests carry. It is asked again when a token was refused. */
  token: (() => Promise<string | null | undefined> | string | null | undefined) | undefined;
  /**
   * What is looked at, as a query string: the filters by the names that the API has, `at` (the number of
   * the row at the top), `entry` (the id of the entry that is open) and `zone` (`utc`).
   */
  state: string;
  /** The projects to choose from, with their environments. */
  projects: readonly Project[];
  /** Messages by the keys of `src/texts.ts`, instead of those of the component. */
  messages: Record<string, Message>;
  /** The address of a page that shows a state, for links to one entry. Without it there are none. */
  link: ((state: string) => string) | undefined;
}

/** The events: `state` is another; or there is no good token, and requests wait until `token` is set. */
export interface ActivityLogEventMap {
  statechange: CustomEvent<string>;
  unauthorized: CustomEvent<null>;
}

declare global {
  interface HTMLElementTagNameMap {
    'activity-log': ActivityLogElement;
  }
}
