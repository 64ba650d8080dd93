import './activity-log.js';
