/** How many are inside, asked from outside: by the server's word, which may be anything. */
import type { Destination } from "./keys.ts";
import { signalingUrl } from "./link.ts";
import { type Io, Signaling, browserIo } from "./signaling.ts";

const PEEK_MS = 5_000;

export interface PeekOptions {
  /** What `checkLink` gives. */
  room: Destination;
  /** As of `JoinOptions`. */
  server?: string;
  token?: string;
}

/** One try, which changes nothing in the room. Null where it could not be learned, whatever the reason. */
export function peek({ room, server, token }: PeekOptions): Promise<number | null> {
  return peekRoom(signalingUrl(server ?? room.server ?? location.host, location), room.roomId, token, browserIo).catch(() => null);
}

/** `room` as the server knows it. */
export function peekRoom(url: string, room: string, token: string | undefined, io: Io): Promise<number | null> {
  return new Promise((resolve) => {
    const settle = (count: number | null): void => {
      giveUp();
      signaling.leave(); // settling again does nothing
      resolve(count);
    };
    const signaling: Signaling = new Signaling(
      url,
      {
        onState: ({ name }) => name === "waiting" && settle(null), // for a second try
        onEvent: () => {},
        onFrame: () => {},
        onLost: () => {},
        onEnded: () => settle(null),
      },
      io,
    );
    const giveUp = io.later(PEEK_MS, () => settle(null));
    signaling
      .request({ type: "peek", room, ...(token === undefined ? {} : { token }) })
      .then((reply) => settle(reply.type === "peeked" ? reply.count : null))
      .catch(() => settle(null));
    signaling.start();
  });
}
