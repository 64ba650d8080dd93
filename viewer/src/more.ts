// The second chunk: what is not needed for the first screen.

import './details.js';
import './download.js';
import './strip.js';
