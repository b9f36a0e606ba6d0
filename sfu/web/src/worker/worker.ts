// The worker's outside: requests of the page one after the other, transforms, and a clock that ticks. Without a session
// nothing is sealed or opened, so nothing is sent or shown.
import { joinLink, LinkError, makeLink, splitLink } from "../e2ee/link.ts";
import { UnsendableError } from "../e2ee/sealed.ts";
import { mediaOf } from "../e2ee/source.ts";
import type { ErrorCode, FromWorker, Method, Request, Requests, TransformOptions } from "./messages.ts";
import { ReceiveLine } from "./receive_line.ts";
import { SendLine } from "./send_line.ts";
import { RefusedError, Session, type Surroundings } from "./session.ts";
import type { Transformer } from "./transformer.ts";

type Handler<M extends Method> = (params: Requests[M]["params"]) => Promise<Requests[M]["result"]>;

export class CryptoWorker {
  private session: Session | null = null;
  private opened!: (session: Session) => void;
  private readonly opening = new Promise<Session>((resolve) => (this.opened = resolve));
  private readonly sendLines = new Set<SendLine>();
  private order: Promise<void> = Promise.resolve();

  private readonly handlers: { [M in Method]: Handler<M> } = {
    make: () => makeLink(),
    split: ({ fragment }) => splitLink(fragment),
    join: ({ fragment, key }) => joinLink(fragment, key),
    open: async ({ fragment }) => {
      if (this.session) throw new RefusedError("bad_state", "a link is open already: another needs another worker");
      this.session = await Session.open(fragment, this.around);
      this.opened(this.session);
      return this.session.describe();
    },
    addSource: async ({ source }) => {
      const { kid } = await this.current.addSource(source);
      return { kid: kid.toString(16).padStart(16, "0") };
    },
    codecs: async (codecs) => (this.current.codecs(codecs), null),
    sealProfile: (profile) => this.current.sealProfile(profile),
    sealChat: ({ text }) => this.current.sealChat(text),
    openProfile: ({ participant, bytes }) => this.current.openProfile(participant, new Uint8Array(bytes)),
    openChat: ({ bytes }) => this.current.openChat(new Uint8Array(bytes)),
    participantLeft: async ({ participant }) => (this.current.participantLeft(participant), null),
    present: async ({ participants }) => (this.current.present(participants), null),
    slots: async ({ slots }) => (this.current.slots(slots), null),
    drawn: async ({ change }) => (this.current.screen.onDrawn(change), null),
    keyFrame: ({ source }) => this.keyFrame(source),
    stats: async () => this.current.stats(),
  };

  constructor(
    private readonly post: (message: FromWorker) => void,
    private readonly around: Surroundings,
  ) {}

  /** Answers come in the order of the requests, each when it is done. */
  onRequest(request: Request): Promise<void> {
    this.order = this.order.then(() => this.answer(request));
    return this.order;
  }

  /** Until the line's end. A line waits for its link and its source; until then its frames go nowhere. */
  async onTransform(transformer: Transformer, options: TransformOptions): Promise<void> {
    const session = await this.opening;
    if (options.direction === "send") await this.send(session, transformer, options);
    else await this.receive(session, transformer, options);
  }

  tick(): void {
    this.session?.tick();
  }

  private async send(session: Session, transformer: Transformer, options: TransformOptions & { direction: "send" }) {
    const { source: kind, transform } = options;
    const line = new SendLine(transformer, await session.addSource(kind), {
      codec: () => options.codec ?? session.codec(mediaOf(kind)),
      clock: () => session.clock(),
      onSealed: () => session.onSealed(),
      onNotSealed: () => session.onNotSealed(),
    });
    this.sendLines.add(line);
    try {
      await line.run(() => this.post({ type: "event", event: "ready", data: { transform } }));
    } finally {
      this.sendLines.delete(line);
    }
  }

  private async receive(session: Session, transformer: Transformer, options: TransformOptions & { direction: "receive" }) {
    const { slot, kind, transform } = options;
    session.newSlot(slot, transform);
    const line = new ReceiveLine(transformer, kind, {
      opener: session.opener,
      codec: () => options.codec ?? session.codec(kind),
      clock: () => session.clock(),
      onOutcome: (outcome, atMs, from) => session.onOutcome(slot, outcome, atMs, from),
      hasSlot: () => session.has(slot, transform),
      isDrawn: (change, toldMs) => session.screen.shows(change, toldMs),
    });
    await line.run();
  }

  private async keyFrame(kind: string): Promise<boolean> {
    const lines = [...this.sendLines].filter((line) => line.source.kind === kind);
    const asked = await Promise.all(lines.map((line) => line.keyFrame()));
    return asked.length > 0 && asked.every(Boolean);
  }

  private get current(): Session {
    if (!this.session) throw new RefusedError("bad_state", "no link is open");
    return this.session;
  }

  private async answer({ id, method, params }: Request): Promise<void> {
    try {
      const handler = this.handlers[method] as (given: typeof params) => Promise<Requests[Method]["result"]>;
      this.post({ type: "reply", id, result: await handler(params) });
    } catch (error) {
      this.post({ type: "error", id, ...described(error) });
    }
  }
}

/** Nothing of an unforeseen error is handed on: it might hold what nobody should see. */
function described(error: unknown): { code: ErrorCode; message: string } {
  const known = error instanceof LinkError || error instanceof UnsendableError || error instanceof RefusedError;
  return known ? { code: error.code, message: error.message } : { code: "internal", message: "the worker failed" };
}
