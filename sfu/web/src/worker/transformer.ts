// What the lines need of an `RTCRtpScriptTransformer` and its frames, so that tests can stand in for a browser.

export interface EncodedFrame {
  data: ArrayBuffer;
  /** `mimeType` is newer than the types that TypeScript has. */
  getMetadata(): { mimeType?: string; rtpTimestamp?: number };
}

export interface Transformer {
  readonly readable: ReadableStream<EncodedFrame>;
  readonly writable: WritableStream<EncodedFrame>;
  /** On a line that receives. */
  sendKeyFrameRequest?(): Promise<void>;
  /** On a line that sends; not in every browser. */
  generateKeyFrame?(rid?: string): Promise<unknown>;
}
