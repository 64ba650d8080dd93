// Times and numbers for people, in their language and zone.

import type { Zone } from './query.js';

/** Formats times and numbers. */
export class Dates {
  /** The name of the zone, such as "UTC" or "GMT+1". */
  readonly zoneName: string;
  readonly #short: Intl.DateTimeFormat;
  readonly #full: Intl.DateTimeFormat;
  readonly #day: Intl.DateTimeFormat;
  readonly #number: Intl.NumberFormat;

  constructor(
    readonly locale: string,
    readonly zone: Zone,
  ) {
    const timeZone = zone === 'utc' ? { timeZone: 'UTC' } : {};
    const format = (options: Intl.DateTimeFormatOptions) =>
      new Intl.DateTimeFormat(locale, { ...timeZone, ...options });
    this.#short = format({ dateStyle: 'medium', timeStyle: 'medium' });
    this.#full = format({
      year: 'numeric',
      month: 'short',
      day: 'numeric',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
      fractionalSecondDigits: 3,
      timeZoneName: 'short',
    });
    this.#day = format({ dateStyle: 'medium' });
    this.#number = new Intl.NumberFormat(locale);
    const parts = format({ timeZoneName: 'short' }).formatToParts(Date.now());
    this.zoneName = parts.find((part) => part.type === 'timeZoneName')?.value ?? 'UTC';
  }

  /** These, or others for another language or zone. */
  in(locale: string, zone: Zone): Dates {
    return locale === this.locale && zone === this.zone ? this : new Dates(locale, zone);
  }

  /** Date and time to the second. */
  short(time: string | number): string {
    return this.#short.format(new Date(time));
  }

  /** Date and time to the millisecond, with the zone. */
  full(time: string | number): string {
    return this.#full.format(new Date(time));
  }

  day(time: string | number): string {
    return this.#day.format(new Date(time));
  }

  /** From `from` to `to`; days where the range is longer than three of them, else times. */
  range(from: number, to: number): string {
    const format = to - from > 3 * 86_400_000 ? this.#day : this.#short;
    return format.formatRange(from, to);
  }

  number(number: number): string {
    return this.#number.format(number);
  }

  /** A time as `<input type="datetime-local">` has it, in this zone, to the second. */
  toInput(time: string): string {
    if (!time) return '';
    const date = new Date(time);
    const offset = this.zone === 'utc' ? 0 : date.getTimezoneOffset();
    return new Date(date.getTime() - offset * 60_000).toISOString().slice(0, 19);
  }

  /** The time after all that such a text names: after the day of a date, the minute or second of a time. */
  endOfInput(text: string): string | null {
    const begin = this.fromInput(text);
    if (begin === null) return null;
    const date = new Date(begin);
    const parts = text.trim().split(/[-T :]/).length;
    if (parts > 5) date.setSeconds(date.getSeconds() + 1);
    else if (parts > 3) date.setMinutes(date.getMinutes() + 1);
    // A day may have 23 or 25 hours.
    else if (this.zone === 'utc') date.setUTCDate(date.getUTCDate() + 1);
    else date.setDate(date.getDate() + 1);
    return date.toISOString();
  }

  /** The time in UTC that such an input, or a date alone, names in this zone; `null` if it is none. */
  fromInput(text: string): string | null {
    const found = /^(\d{4}-\d\d-(\d\d))(?:[T ](\d\d:\d\d(?::\d\d)?))?$/.exec(text.trim());
    if (!found) return null;
    const [, day, ofMonth, clock = '00:00'] = found;
    const date = new Date(`${day}T${clock}${this.zone === 'utc' ? 'Z' : ''}`);
    if (Number.isNaN(date.getTime())) return null;
    // Some browsers take February 30 for March 1.
    const is = this.zone === 'utc' ? date.getUTCDate() : date.getDate();
    if (is !== Number(ofMonth)) return null;
    return date.toISOString();
  }
}
