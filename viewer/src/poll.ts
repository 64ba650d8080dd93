// When a list is asked whether it grew: often while somebody is here or news come, else ever more rarely, and
// never while nobody can see it.

/** The pauses between two questions, in milliseconds: at first, and at last. */
const PAUSE = { first: 3_000, last: 30_000 };

/** For how long after input or news the pauses stay as they are at first, in milliseconds. */
const LIVELY = 60_000;

/** Asks again and again, from `start` until a signal is aborted. */
export class Poll {
  #pause = PAUSE.first;
  #livelyUntil = Date.now() + LIVELY;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Whether a question is under way; the next is planned when it ends. */
  #isAsking = false;

  /** `ask` returns a pause in milliseconds if it must be called again after that one. */
  constructor(
    private readonly ask: () => Promise<number | undefined>,
    private readonly signal: AbortSignal,
  ) {}

  start(): void {
    const { signal } = this;
    document.addEventListener('visibilitychange', () => this.askIn(0), { signal });
    signal.addEventListener('abort', () => clearTimeout(this.#timer));
    this.askIn(this.#pause);
  }

  /** Asks after so many milliseconds, in place of when it would have been. */
  askIn(milliseconds: number): void {
    clearTimeout(this.#timer);
    if (this.#isAsking || document.hidden || this.signal.aborted) return;
    this.#timer = setTimeout(() => void this.#ask(), milliseconds);
  }

  /** There was input: somebody is here. */
  touch(): void {
    this.grew();
    if (this.#pause <= PAUSE.first) return;
    this.#pause = PAUSE.first;
    this.askIn(this.#pause);
  }

  /** There was news: more may come. */
  grew(): void {
    this.#livelyUntil = Date.now() + LIVELY;
  }

  async #ask(): Promise<void> {
    this.#isAsking = true;
    const again = await this.ask();
    this.#isAsking = false;
    if (again === undefined) {
      const isLively = Date.now() < this.#livelyUntil;
      this.#pause = isLively ? PAUSE.first : Math.min(this.#pause * 2, PAUSE.last);
    }
    this.askIn(again ?? this.#pause);
  }
}
