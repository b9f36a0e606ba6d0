/** Handlers by event name, with what each event brings. */
export class Emitter<Events extends object> {
  readonly #handlers = new Map<keyof Events, Set<(data: never) => void>>();

  /** Gives what ends it. */
  on<E extends keyof Events>(event: E, handler: (data: Events[E]) => void): () => void {
    const handlers = this.#handlers.get(event) ?? new Set();
    this.#handlers.set(event, handlers.add(handler));
    return () => handlers.delete(handler);
  }

  /** What a handler throws is reported, and keeps nobody else from anything: least of all a conference from ending. */
  emit<E extends keyof Events>(event: E, data: Events[E]): void {
    for (const handler of [...(this.#handlers.get(event) ?? [])]) {
      try {
        handler(data as never);
      } catch (error) {
        reportError(error);
      }
    }
  }
}
