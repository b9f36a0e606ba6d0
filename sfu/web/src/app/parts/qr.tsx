/** A square code (ISO/IEC 18004) that a phone's camera reads. Drawn here: the text goes nowhere. */
import encodeQR from "qr";
import { useMemo } from "preact/hooks";

const QUIET = 4; // modules of margin, as the standard asks for

export function Code({ text, label }: { text: string; label: string }) {
  const { size, path } = useMemo(() => {
    const modules = encodeQR(text, "raw", { ecc: "medium", border: QUIET });
    const dark = modules.flatMap((row, y) => row.map((isDark, x) => (isDark ? `M${x} ${y}h1v1h-1z` : "")));
    return { size: modules.length, path: dark.join("") };
  }, [text]);
  return (
    <svg class="code" role="img" aria-label={label} viewBox={`0 0 ${size} ${size}`}>
      <path d={path} />
    </svg>
  );
}
