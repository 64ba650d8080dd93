// What buttons and fields look like in all elements.

import { unsafeCSS } from 'lit';
import styles from './controls.css';

export const controls = unsafeCSS(styles);
