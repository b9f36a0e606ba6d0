/** What is drawn once a part of the page is there. Where it does not come that is said, and it can be asked for again. */
import type { VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import { t } from "../words/index.ts";
import { Button } from "./controls.tsx";
import type { Later } from "./later.ts";

export function Late<T>({ part, children }: { part: Later<T>; children: (part: T) => VNode }) {
  const [isLost, setLost] = useState(false);
  const [, draw] = useState(0);
  const ask = (): void => {
    setLost(false);
    part.ask().then(
      () => draw((count) => count + 1),
      () => setLost(true),
    );
  };
  useEffect(() => {
    if (part.part === null) ask();
  }, [part]);
  if (part.part !== null) return children(part.part);
  return (
    <div class="body late" aria-busy={!isLost}>
      {isLost && (
        <>
          <p role="alert">{t("later.lost")}</p>
          <Button onPress={ask}>{t("act.again")}</Button>
        </>
      )}
    </div>
  );
}
