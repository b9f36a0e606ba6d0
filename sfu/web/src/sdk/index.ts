/** The browser SDK: `Conference.join({ link, name, … })`. */
export { Conference } from "./conference.ts";
export type { Events, JoinOptions, Notice, State, Wish } from "./types.ts";
export * from "./outside.ts";
export type { Person } from "./presence.ts";
export type { Limit, Quality, ReceivedPicture, SentLayer } from "./quality.ts";
export type { Failure, Tile } from "./tiles.ts";
export type { ChatLine } from "../worker/messages.ts";
