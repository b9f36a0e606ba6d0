// A page for tests/e2e/sdk_client.py: the SDK without an app, with cameras and screens of one colour.
import { Conference, type JoinOptions, type Notice, makeFragment } from "../../src/sdk/index.ts";

/** Tracks, contexts and intervals that nobody else would keep. */
const kept: unknown[] = [];

/** A picture of one colour with a square that moves, so that there is always something to encode. */
function picture(color: string, width: number, height: number): MediaStreamTrack {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d")!;
  let n = 0;
  const draw = (): void => {
    context.fillStyle = color;
    context.fillRect(0, 0, width, height);
    context.fillStyle = "#000";
    context.fillRect((n++ * 8) % width, height - 20, 16, 16);
  };
  draw();
  kept.push(canvas, setInterval(draw, 100));
  return canvas.captureStream(10).getVideoTracks()[0]!;
}

function tone(): MediaStreamTrack {
  const context = new AudioContext();
  const oscillator = context.createOscillator();
  const destination = context.createMediaStreamDestination();
  oscillator.connect(destination);
  oscillator.start();
  kept.push(context, oscillator);
  return destination.stream.getAudioTracks()[0]!;
}

/** While it is so, what the server delivers of others' profiles arrives spoilt. */
let spoils = false;

const PROFILE = 1; // sfu/signaling/PROTOCOL.md, "Binary frames"

globalThis.WebSocket = class extends WebSocket {
  override set onmessage(handler: (event: MessageEvent<string | ArrayBuffer>) => void) {
    super.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
      if (spoils && data instanceof ArrayBuffer) {
        const bytes = new Uint8Array(data);
        if (bytes[1] === PROFILE) bytes[bytes.length - 1]! ^= 1;
      }
      handler(new MessageEvent("message", { data }));
    };
  }
};

interface Options {
  link: string;
  name: string;
  camera?: string;
  width?: number;
  height?: number;
  muted?: boolean;
}

/** A track of a page that plays it: Firefox decodes nothing that nobody shows. */
function play(track: MediaStreamTrack): void {
  const player = document.createElement(track.kind === "video" ? "video" : "audio");
  Object.assign(player, { autoplay: true, playsInline: true, srcObject: new MediaStream([track]) });
  document.body.append(player);
}

/** Which of red, green and blue a picture is most of; null where there is none. */
async function colorOf(track: MediaStreamTrack): Promise<string | null> {
  const players = [...document.querySelectorAll("video")];
  const player = players.find(({ srcObject }) => (srcObject as MediaStream).getTracks()[0] === track);
  if (player === undefined || player.videoWidth === 0) return null;
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const context = canvas.getContext("2d")!;
  context.drawImage(player, 0, 0, player.videoWidth, player.videoHeight / 2, 0, 0, 1, 1);
  const pixel = [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
  return ["red", "green", "blue"][pixel.indexOf(Math.max(...pixel))]!;
}

class Client {
  conference!: Conference;
  readonly notices: Notice[] = [];
  readonly #played = new Set<MediaStreamTrack>();

  makeFragment = makeFragment;
  spoil = (on: boolean): void => void (spoils = on);
  picture = picture;

  async join({ link, name, camera, width = 640, height = 360, muted = false }: Options): Promise<void> {
    const options: JoinOptions = { link, name, muted, microphone: tone() };
    if (camera !== undefined) options.camera = picture(camera, width, height);
    this.conference = await Conference.join(options);
    this.conference.on("notice", (notice) => this.notices.push(notice));
    const show = (): void => {
      for (const { track } of this.conference.tiles) {
        if (!this.#played.has(track)) play(track);
        this.#played.add(track);
      }
    };
    this.conference.on("tiles", show);
    show();
  }

  /** Who is shown where, by the key: name and source, colour, and what has been decoded so far. */
  async tiles(): Promise<{ slot: number; name: string; source: string; color: string | null; decoded: number }[]> {
    const stats = await this.conference.getStats();
    const inbound = [...(stats?.values() ?? [])].filter(({ type }) => type === "inbound-rtp");
    const names = new Map(this.conference.people.map(({ sender, name }) => [sender, name]));
    const shown = this.conference.tiles.filter(({ sender }) => sender !== null);
    return Promise.all(
      shown.map(async ({ slot, kind, sender, source, track }) => {
        const report = inbound.find(({ trackIdentifier }) => trackIdentifier === track.id);
        return {
          slot,
          name: names.get(sender!) ?? "",
          source: source!,
          color: kind === "video" ? await colorOf(track) : null,
          decoded: (kind === "video" ? report?.framesDecoded : report?.packetsReceived) ?? 0,
        };
      }),
    );
  }

  /** With a tone, or a share's end without a colour. */
  share(color: string | null, height = 720): Promise<void> {
    if (color === null) return this.conference.setScreen(null);
    return this.conference.setScreen(picture(color, (height * 16) / 9, height), tone());
  }

  /** The view, with people by their names. */
  async look(wishes: { slot: number; name?: string; source?: "screen"; maxHeight?: number }[]): Promise<void> {
    const { people } = this.conference;
    const senderOf = (name?: string): string | null => people.find((person) => person.name === name)?.sender ?? null;
    await this.conference.setView(wishes.map(({ name, ...wish }) => ({ ...wish, sender: senderOf(name) })));
  }

  failures(): object[] {
    return this.conference.tiles.flatMap(({ slot, kind, failure }) => (failure === null ? [] : [{ slot, kind, ...failure }]));
  }

  /** For a test that waits in vain. */
  standing(): object {
    const { name, error } = this.conference.state;
    return { state: name, error: String(error), notices: this.notices, people: this.people(), failures: this.failures() };
  }

  people(): object[] {
    return this.conference.people.map((person) => ({ ...person }));
  }

  async stats(): Promise<object[]> {
    return [...((await this.conference.getStats())?.values() ?? [])];
  }
}

Object.assign(globalThis, { client: new Client(), ready: true });
