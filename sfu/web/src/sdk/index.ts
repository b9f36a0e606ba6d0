/** The browser SDK: `Conference.join({ link, name, … })`. */
export { Conference } from "./conference.ts";
export type { Events, JoinOptions, Notice, State, Wish } from "./types.ts";
export { SfuError } from "./errors.ts";
export { canSeal, checkLink, joinLink, makeFragment, needsKey, splitLink } from "./keys.ts";
export { FRAGMENT_LENGTH, fragmentOf } from "./link.ts";
export { peek } from "./peek.ts";
export type { Person } from "./presence.ts";
export type { Limit, Quality, ReceivedPicture, SentLayer } from "./quality.ts";
export { type Failure, type Tile, isTheirs } from "./tiles.ts";
export type { ChatLine } from "../worker/messages.ts";
