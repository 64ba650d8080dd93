// The parts of inner elements that a host can style, for `exportparts`.

export const PARTS = [
  'filter-bar',
  'project',
  'environment',
  'facet-resourceType',
  'facet-action',
  'range',
  'since',
  'until',
  'chip',
  'clear',
  'button',
  'download',
  'strip',
].join();
