// A placeholder until the component is built.
class ActivityLog extends HTMLElement {
  connectedCallback() {
    this.textContent = 'The viewer is not built yet.';
  }
}
customElements.define('activity-log', ActivityLog);
// The component is built into this file. The component is built into this file. The component is built into this file. The component is built into this file. The component is built into this file. The component is built into this file. The component is built into this file. The component is built into this file. The component is built into this file. The component is built into this file. The component is built into this file. The component is built into this file. The component is built into this file. The component is built into this file. The component is built into this file. The component is built into this file. The component is built into this file. The component is built into this file. The component is built into this file. The component is built into this file. 
