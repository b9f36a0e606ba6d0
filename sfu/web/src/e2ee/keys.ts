// What follows from the link's secret (PROTOCOL.md, "Keys"), and whose frames a KID's are.
//
// `KeySource` is what sealing and opening ask for. The link's secret stands behind it now, MLS later: then a source's KID and
// key change with each epoch, and a KID's sender is a leaf of it.
import { random, toBigInt, type Bytes } from "./bytes.ts";
import { derive, deriveSecret, importSecret } from "./hkdf.ts";
import { AES_128_GCM_SHA256_128, SframeKey } from "./sframe.ts";
import type { SourceKind } from "./source.ts";

export interface Sealing {
  readonly kid: bigint;
  readonly key: SframeKey;
}

/** The one key to try for a KID, and who the frame is from if it opens. */
export interface Opening {
  readonly key: Promise<SframeKey>;
  readonly sender: string;
  readonly source: SourceKind;
}

export interface KeySource {
  /** A KID that nothing has been sealed under, and its key. */
  sealing(source: SourceKind): Promise<Sealing>;
  /** Null as long as nobody has claimed the KID. */
  opening(kid: bigint): Opening | null;
}

/** All keys of version 0. */
export interface RoomKeys {
  readonly roomId: Bytes;
  readonly frames: CryptoKey;
  readonly profile: CryptoKey;
  readonly chat: CryptoKey;
}

/** `secret` is the link's; the caller may wipe it. */
export async function roomKeys(secret: Bytes): Promise<RoomKeys> {
  const from = await importSecret(secret);
  return {
    roomId: await derive(from, "sfu/0 room", 16),
    frames: await deriveSecret(from, "sfu/0 sframe"),
    profile: await deriveSecret(from, "sfu/0 profile"),
    chat: await deriveSecret(from, "sfu/0 chat"),
  };
}

/** KIDs that one sender can hold at a time. */
export const CLAIMS = 64;

interface Claim {
  readonly sender: string;
  readonly source: SourceKind;
  key: Promise<SframeKey> | null; // derived when the first frame comes
}

/** Of version 0: all keys follow from the link, and a KID belongs to the sender who named it first. */
export class LinkKeys implements KeySource {
  private readonly own = new Set<bigint>();
  private readonly claims = new Map<bigint, Claim>();
  private readonly claimed = new Map<string, number>(); // how many, by sender

  constructor(
    private readonly baseKey: CryptoKey,
    private readonly draw = (): bigint => toBigInt(random(8)),
  ) {}

  /** From then on nobody else can claim the KID. */
  async sealing(_source: SourceKind): Promise<Sealing> {
    let kid = this.draw();
    while (this.own.has(kid) || this.claims.has(kid)) kid = this.draw();
    this.own.add(kid);
    return { kid, key: await this.derive(kid) };
  }

  opening(kid: bigint): Opening | null {
    const claim = this.claims.get(kid);
    if (!claim) return null;
    claim.key ??= this.derive(kid);
    return { key: claim.key, sender: claim.sender, source: claim.source };
  }

  /** Whether the KID is new, and this sender's now. It stays what it was named first. */
  claim(sender: string, kid: bigint, source: SourceKind): boolean {
    const count = this.claimed.get(sender) ?? 0;
    if (this.own.has(kid) || this.claims.has(kid) || count >= CLAIMS) return false;
    this.claims.set(kid, { sender, source, key: null });
    this.claimed.set(sender, count + 1);
    return true;
  }

  /** Whether the KID is this sender's, by that name. */
  holds(sender: string, kid: bigint, source: SourceKind): boolean {
    const claim = this.claims.get(kid);
    return claim?.sender === sender && claim.source === source;
  }

  /** The sender has left: another may claim their KIDs. */
  release(sender: string): void {
    for (const [kid, claim] of this.claims) if (claim.sender === sender) this.claims.delete(kid);
    this.claimed.delete(sender);
  }

  private derive(kid: bigint): Promise<SframeKey> {
    return SframeKey.derive(AES_128_GCM_SHA256_128, kid, this.baseKey);
  }
}
