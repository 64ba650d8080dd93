// The page around the component: it has the token and binds the state to the fragment of its address, which
// no server is sent.

import type { ActivityLog } from './activity-log.js';

const log = document.querySelector<ActivityLog>('activity-log')!;
const form = document.querySelector<HTMLFormElement>('#token-form')!;
const field = document.querySelector<HTMLInputElement>('#token-field')!;

/** The token, in memory alone. */
let token: string | null = null;

/** Takes the state from the address, and a token out of it. */
function read(): void {
  const given = new URLSearchParams(location.hash.slice(1));
  const found = given.get('token');
  if (found !== null) {
    given.delete('token');
    token = found || null;
    show(String(given));
    authorize();
  }
  log.state = String(given);
}

/** Shows a state in the address, in place of the one there. */
function show(state: string): void {
  history.replaceState(null, '', state ? `#${state}` : location.pathname + location.search);
}

/** Gives the component the token; each time, so that requests which wait for one go on. */
function authorize(): void {
  form.hidden = token !== null;
  log.token = () => token;
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  token = field.value.trim() || null;
  field.value = '';
  authorize();
});

log.addEventListener('statechange', () => show(log.state));
log.addEventListener('unauthorized', () => {
  form.hidden = false;
});
log.link = (state) => new URL(`#${state}`, location.href).href;

addEventListener('hashchange', read);
await customElements.whenDefined('activity-log');
authorize();
read();
