// Whatever an entry says was written by others: it may hide characters, reorder what is read, or pose as a
// link. Nothing here makes HTML; the templates put these pieces into text nodes.

// Everything that has no shape of its own but changes how the rest is read: control and format characters,
// half surrogates, odd line ends. Tabs and line ends stay, and so do the joiners, which Persian and emoji
// need, and the Arabic signs that are drawn.
const HIDDEN = /((?![\t\n\r\u200c\u200d\u0600-\u0605\u06dd])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}])/u;

/** A piece of a text; `hidden` if it is the name of a character that could not be seen. */
export interface Piece {
  text: string;
  hidden: boolean;
}

/** A text in pieces, in which a hidden character is replaced by its name, such as U+202E. */
export function pieces(text: string): Piece[] {
  return text
    .split(HIDDEN)
    .map((piece, index) => ({ text: index % 2 ? name(piece) : piece, hidden: index % 2 > 0 }))
    .filter(({ text }) => text);
}

function name(character: string): string {
  return `U+${character.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0')}`;
}

/**
 * The address that a text is, if the text is an https: address and nothing else; otherwise `null`. An
 * address with a user name is none: https://example.com@evil.example shows a host that it does not lead to.
 */
export function link(text: string | null | undefined): string | null {
  if (!text || /[\s\\]/.test(text) || HIDDEN.test(text) || !URL.canParse(text)) return null;
  const { protocol, username, password, href } = new URL(text);
  return protocol === 'https:' && !username && !password ? href : null;
}

/** The letter that stands for someone without a picture. */
export function initial(name: string): string {
  return /[\p{L}\p{N}]/u.exec(name)?.[0].toUpperCase() ?? '?';
}
