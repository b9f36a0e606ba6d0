/** Every sentence of the page. The server's name is its host: whoever runs it has no other logo. */

export const words = {
  landTitle: "A call only the people in it can open.",
  landSay: "No account and nothing to install. Make a room, send its link, talk.",
  landMake: "Make a room",
  landOpen: "Open a link you were given",
  landPaste: "Paste the link",
  open: "Open",
  beforeTitle: "Before the #",
  beforeText: "Where to meet. The server reads this part and passes on what it can’t open.",
  afterTitle: "After the #",
  afterText:
    "The key. Your browser keeps it and never sends it. Whoever has it can come in, so send it as you would hand over a door key.",
  foot: "Open source. No cookies, no trackers, nothing from other sites.",
  madeTitle: "Your room is ready.",
  madeSay: "Send this link to the people you want to talk with. Anyone who has all of it can come in.",
  goIn: "Go in",
  copy: "Copy link",
  copied: "Link copied. It holds the key.",
  notCopied: "The browser did not allow it. This is the link:",
  lobbyTitle: "Join the call",
  lobbySay: "You’ll see who is inside once you join.",
  lobbyKey: "Key on this device",
  lobbyQuiet: "Only you see this. Nothing is sent until you join.",
  yourName: "Your name",
  noName: "Without a name you’ll show as “Guest”.",
  guest: "Guest",
  microphone: "Microphone",
  camera: "Camera",
  speakers: "Speakers",
  anotherLink: "Another link",
  mute: "Mute",
  unmute: "Unmute",
  stopCamera: "Stop camera",
  startCamera: "Start camera",
  people: "People",
  chat: "Chat",
  devices: "Devices",
  leave: "Leave",
  close: "Close",
  you: "You",
  stateLink: "Encrypted with the link’s key",
  stateAgain: "Reconnecting",
  stateMedia: "Connecting sound and pictures",
  unopened: (n: number) => (n === 1 ? "1 person can’t be opened" : `${n} people can’t be opened`),
  unopenedWhy:
    "What they send was sealed with another key. Nothing of it is shown, and they can’t open what you send. Compare your links: one of them may be wrong.",
  peopleCount: (n: number) => (n === 1 ? "1 person" : `${n} people`),
  callTitle: (n: number) => `Call, ${words.peopleCount(n)}`,
  alone: "No one else is here yet.",
  joined: (name: string) => `${name} joined by the link`,
  joinedMany: (n: number) => `${n} people joined`,
  left: (name: string) => `${name} left`,
  recording: (name: string) => `${name} is recording this call`,
  recordingShort: "Recording",
  recorders: (names: readonly string[]) => `Recording: ${names.length === 1 ? names[0] : `${names.length} people`}`,
  silent: "You are muted: no one hears you.",
  again: "Connected again",
  signal: "Reconnecting. If anyone comes or goes, sound stops until you’re back.",
  media: "Connection lost. Your place is kept.",
  gone: "The server said you had gone. You’re in again.",
  restart: "The page’s keys were lost. Joining again.",
  unplugged: (device: string) => `${device} was unplugged.`,
  noKey: (name: string) => `Can’t open ${name}’s video`,
  noKeyWhy: "The key hasn’t arrived. Asking again.",
  changed: "It was changed on the way and thrown away.",
  wrongSender: (name: string) => `The server labelled a picture as ${name}’s, but another key made it.`,
  notHeard: "not heard yet",
  notHeardWhy: (name: string) => `Not heard yet. Nothing from ${name} has opened.`,
  behind: (seconds: number) => `${seconds} s behind`,
  notSending: "Not sending",
  muted: "muted",
  cameraOff: "camera off",
  talking: "speaking",
  opening: "Waiting for the first picture",
  chatSince: "You see what is written from when you joined. It is gone when the call ends.",
  chatBox: "Message everyone",
  send: "Send",
  notSent: "Not sent.",
  missing: (n: number, name: string) => (n === 1 ? `1 message of ${name}’s is missing.` : `${n} messages of ${name}’s are missing.`),
  page: (a: number, b: number) => `${a} of ${b}`,
  previous: "Previous page",
  next: "Next page",
  joining: "Joining …",
  joiningSay: "The key is on this device. Looking for the room.",
  unreachable: (host: string) => `${host} doesn’t answer`,
  unreachableSay: (seconds: number) =>
    `Trying again in ${seconds} seconds. If this network blocks calls, another one may work.`,
  giveUp: "Stop trying",
  goBackIn: (seconds: number) => `Go back in (${seconds} s)`,
  backToStart: "Back to start",
  tryAgain: "Try again",
  joinAgain: "Join again",
  joinAndListen: "Join and listen",
  blockedTitle: "Your browser is blocking the camera and microphone",
  blockedSay: "Press the icon left of the address, allow both, then try again. You can also join and only listen.",
  noDevice: (what: string) => `No ${what} found`,
  busyDevice: (what: string) => `The ${what} is in use elsewhere`,
  busySay: "Close the other program or tab, then try again.",
  cameraOffHere: "Your camera is off",
} as const;

/** What the button in the lobby will do. */
export function joinWords(hasMicrophone: boolean, isMuted: boolean, hasCamera: boolean): string {
  if (!hasMicrophone && !hasCamera) return words.joinAndListen;
  if (!hasMicrophone || isMuted) return hasCamera ? "Join muted" : "Join muted, camera off";
  return hasCamera ? "Join with microphone on" : "Join with microphone on, camera off";
}

export interface MessageWords {
  title: string;
  say: string;
  /** What can be done: paste another link, try the same again, or nothing but start over. */
  action: "paste" | "again" | "copy" | "none";
}

/** What happened, then what to do, by the error's code. */
export function errorWords(code: string, host: string): MessageWords {
  const known: Record<string, MessageWords> = {
    link_cut: {
      title: "This link isn’t whole",
      say: "Some programs cut long links, and one character may be wrong. Ask for it again, or paste all of it here. Nothing was sent.",
      action: "paste",
    },
    link_version: {
      title: "This link is newer than this page",
      say: "It was made by a later version. Reload the page, or open the link where it was made. Nothing was sent.",
      action: "paste",
    },
    link_suite: {
      title: "This page can’t open this kind of link",
      say: "It asks for an encryption that this page doesn’t have. Nothing was sent.",
      action: "paste",
    },
    link_flags: {
      title: "This link asks for a guard that this page lacks",
      say: "Whoever made it wanted it guarded in a way that this page can’t keep, so it doesn’t go in. Nothing was sent.",
      action: "paste",
    },
    no_transform: {
      title: "This browser can’t keep a call sealed",
      say: "It lacks a part that encrypts each picture before it is sent, and there is no way in without it.",
      action: "copy",
    },
    unreachable: {
      title: words.unreachable(host),
      say: "Nothing can be opened without it. If it is being restarted, try again in a moment. If this network blocks it, another one may work.",
      action: "again",
    },
    worker_failed: {
      title: "The part that holds the keys did not start",
      say: "Without it nothing is sent or shown. Reload the page and try again.",
      action: "again",
    },
    room_full: { title: "This room is full", say: "Try again in a few minutes.", action: "again" },
    too_many_rooms: {
      title: "Too many rooms from your network",
      say: `${host} lets each network open so many rooms at a time. Try again later.`,
      action: "again",
    },
    rate_limited: {
      title: `${host} is asked for too much`,
      say: "It refused this page again and again, as it does where very many join at once. Wait a moment, then try again.",
      action: "again",
    },
    no_such_room: {
      title: "This room isn’t open",
      say: "The people with the link can come in once somebody who may open rooms here has done so.",
      action: "again",
    },
    unauthorised: {
      title: `${host} asks for a pass`,
      say: "The link is right, but this server lets in only people with an access token.",
      action: "none",
    },
    forbidden: { title: "Your pass doesn’t allow this", say: "Ask whoever gave you the access token.", action: "none" },
    shutting_down: {
      title: `${host} is being restarted`,
      say: "Everybody has to come in again in a moment. The link stays the same.",
      action: "again",
    },
    taken_over: {
      title: "This call goes on elsewhere",
      say: "Another connection has taken this session over, so this one has ended.",
      action: "again",
    },
    unsupported_version: {
      title: "This page and the server don’t speak alike",
      say: "One of them is older. Reload the page to get the present one.",
      action: "again",
    },
    no_codec: {
      title: "This browser lacks what the call is made of",
      say: "It can’t play the kind of picture or sound that this server passes on. Another browser may.",
      action: "copy",
    },
  };
  return (
    known[code] ?? {
      title: "The call can’t go on",
      say: "Something happened that this page has no words for. You can try again.",
      action: "again",
    }
  );
}
