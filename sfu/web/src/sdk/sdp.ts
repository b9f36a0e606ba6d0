/** What the client does to an answer before the browser sees it. */

const PLAYOUT_DELAY = /^a=extmap:\d+[^\s]*[ \t]+http:\/\/www\.webrtc\.org\/experiments\/rtp-hdrext\/playout-delay\b[^\r\n]*\r?\n/gim;

export function sealAnswer(sdp: string): string {
  return withoutPlayoutDelay(sealOpus(sdp));
}

/**
 * A header extension that is the server's to write, and by which it could have a browser hold pictures for 40 s, so that they
 * come to be shown after the slot has another's name. Nobody's camera sends it.
 */
function withoutPlayoutDelay(sdp: string): string {
  return sdp.replace(PLAYOUT_DELAY, "");
}

/**
 * Opus at constant bit rate and without DTX, whatever the answer says: the size of a sealed packet, or that none comes,
 * would tell what is said and by whom. A sender follows the answer's fmtp (RFC 7587 section 7).
 */
function sealOpus(sdp: string): string {
  const sections = sdp.split(/^(?=m=)/m);
  return sections.map((section) => (section.startsWith("m=audio") ? sealSection(section) : section)).join("");
}

function sealSection(section: string): string {
  let sealed = section;
  for (const [, payloadType] of section.matchAll(/^a=rtpmap:(\d+) opus\/48000/gim)) {
    const pattern = new RegExp(`^a=fmtp:${payloadType}[ \\t]+([^\\r\\n]*)`, "gim");
    const given = [...sealed.matchAll(pattern)].flatMap(([, parameters]) => parameters!.split(";"));
    const kept = given
      .map((parameter) => parameter.trim())
      .filter((parameter) => parameter !== "" && !/^(cbr|usedtx)\s*(=|$)/i.test(parameter));
    const line = `a=fmtp:${payloadType} ${[...kept, "cbr=1", "usedtx=0"].join(";")}`;
    // In place of what was there: of two lines for one payload type browsers take either.
    sealed = sealed.replace(new RegExp(`^a=fmtp:${payloadType}[ \\t][^\\r\\n]*\\r?\\n`, "gim"), "");
    sealed = sealed.replace(new RegExp(`^(a=rtpmap:${payloadType} [^\\r\\n]*)`, "im"), `$1\r\n${line}`);
  }
  return sealed;
}
