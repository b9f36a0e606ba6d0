/** What is of use before a conference too, and all of it that the first pages load: links, a look in from outside, errors. */
export { SfuError } from "./errors.ts";
export { type Destination, canSeal, checkLink, joinLink, makeFragment, splitLink } from "./keys.ts";
export { FRAGMENT_LENGTH, fragmentOf } from "./link.ts";
export { peek } from "./peek.ts";
export { isTheirs } from "./tiles.ts";
