/**
 * Everybody's pictures: a grid cut into pages, or one large and the others in a strip. All tiles are children of one box and
 * are moved, so that no picture is ever mounted anew; what changes a tile's size is a cut, and only a swap of two seats moves.
 */
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { Button, Square } from "../parts/controls.tsx";
import { below, reading, roamGrid, useRoving } from "../parts/roam.ts";
import { t } from "../words/index.ts";
import { type Placed, type Scene, arrange, pageOf } from "../model/stage.ts";
import { REST } from "../model/layout.ts";
import type { Shown } from "../model/view.ts";
import { Tile, position } from "./tile.tsx";
import { type CallModel, nameOf, tileOf } from "./model.ts";
import { Viewer } from "./viewer.ts";

/** Of a tile's menu with the buttons above it: where there is less below the upper edge it opens upwards. */
const MENU_HEIGHT = 196;

interface StageProps {
  model: CallModel;
  onShelf: (isShelf: boolean) => void;
  /** Its heading. */
  children: ComponentChildren;
}

export function Stage({ model, onShelf, children }: StageProps) {
  const stage = useRef<HTMLElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const { width, height } = useSize(stage);
  useRoving(box, ".tile");
  const { large, rest } = model.shows;
  const { tiles, speaking } = model.conference;
  const isPanelOver = model.panel !== null && innerWidth < 600;
  const scene: Scene = {
    width,
    height,
    large: large?.key ?? null,
    rest: rest.map(({ key }) => key),
    page: model.page,
    isBare: model.isStripHidden,
    isPanelOver,
    speaker: rest.find(({ person }) => speaking.has(person.sender))?.key ?? null,
    upright: model.upright,
  };
  const placed = arrange(scene);
  const shows = new Map([...(large ? [large] : []), ...rest].map((show) => [show.key, show]));
  const onPage = new Set(placed.boxes.map(({ key }) => key));
  useLayoutEffect(() => {
    if (!isPanelOver) model.onPageSize(placed.pageSize); // who speaks is seen there without another's seat
    if (model.page >= placed.pages) model.turnTo(placed.pages - 1);
    onShelf(placed.isShelf);
  });
  const seen = placed.boxes.flatMap(({ key, box: { h } }): Shown[] => {
    const { person, source } = shows.get(key)!;
    if (person.isSelf || model.seats.isAway(person.sender)) return [];
    return [{ key, sender: person.sender, source, height: Math.round(h * devicePixelRatio), isLarge: key === large?.key }];
  });
  useViewer(model, seen);
  const speakingElsewhere = rest.filter(({ key, person, source }) => source === "camera" && !onPage.has(key) && speaking.has(person.sender));
  const isAlone = shows.size === 0;
  return (
    <main ref={stage} class={large ? "stage sharing" : "stage"} tabIndex={-1} aria-label={t("stage.label")} onPointerMove={model.onPointer}>
      {children}
      <div ref={box} class={placed.boxes.length === 1 ? "grid solo" : "grid"} role="group" aria-label={t("stage.label")} onKeyDown={onArrow}>
        {placed.boxes.map(({ key, box }) => {
          const show = shows.get(key)!;
          const { sender, isSelf } = show.person;
          const slot = isSelf ? undefined : tileOf(show, tiles);
          return (
            <Tile
              key={key}
              model={model}
              show={show}
              box={box}
              slot={slot}
              troubles={model.troublesOf(show)}
              ownTrack={isSelf ? model.devices.camera : null}
              isLarge={key === large?.key}
              isSpeaking={speaking.has(sender)}
              isPinned={model.seats.isPinned(sender)}
              isAway={model.seats.isAway(sender) || show.person.away}
              isWhole={model.uncropped.has(key)}
              isMutedForMe={model.mutedForMe.has(sender)}
              isMenuOpen={model.menu === key}
              isShort={placed.boxes.length > 4}
              isLow={box.y + MENU_HEIGHT > height}
            />
          );
        })}
        {large && <Tools model={model} stage={stage} placed={placed} />}
        {placed.more > 0 && <Rest model={model} placed={placed} height={height} />}
      </div>
      {isAlone && <Alone model={model} />}
      {(placed.hasPager || placed.isShelf) && (
        <nav class="pager" aria-label={t("pager.label")}>
          {placed.hasPager && (
            <>
              <Square icon="left" label={t("pager.previous")} disabled={placed.page === 0} onPress={() => model.turnTo(placed.page - 1)} />
              <span class="num">{t("pager.at", { a: placed.page + 1, b: placed.pages })}</span>
              <Square icon="right" label={t("pager.next")} disabled={placed.page === placed.pages - 1} onPress={() => model.turnTo(placed.page + 1)} />
              {speakingElsewhere.length > 0 && (
                <div class="off">
                  <span>{t("pager.also")}</span>
                  {speakingElsewhere.map(({ key, person }) => (
                    <button key={key} type="button" class="who" onClick={() => model.turnTo(pageOf(scene, placed, key))}>
                      {nameOf(person)}
                    </button>
                  ))}
                </div>
              )}
            </>
          )}
        </nav>
      )}
    </main>
  );
}

/** Under a strip, what leads to those for whom there is no room in it. */
function Rest({ model, placed, height }: { model: CallModel; placed: Placed; height: number }) {
  const button = useRef<HTMLButtonElement>(null);
  const above = placed.boxes.at(-1)!.box;
  useLayoutEffect(() => position(button.current!, { ...above, y: height - REST, h: REST }));
  return (
    <button ref={button} type="button" class="rest" onClick={() => model.turnTo((model.page + 1) % placed.pages)}>
      {t("pager.more", { n: placed.more })}
    </button>
  );
}

/** Of the large picture: it is never cropped, and may have the whole stage or the whole screen. */
function Tools({ model, stage, placed }: { model: CallModel; stage: { current: HTMLElement | null }; placed: Placed }) {
  const [isFull, setFull] = useState(false);
  useEffect(() => {
    const update = (): void => setFull(document.fullscreenElement !== null);
    document.addEventListener("fullscreenchange", update);
    return () => document.removeEventListener("fullscreenchange", update);
  }, []);
  const full = (): void => void (isFull ? document.exitFullscreen() : stage.current?.requestFullscreen())?.catch(() => {});
  const tools = useRef<HTMLDivElement>(null);
  const large = placed.boxes[0]?.box;
  useLayoutEffect(() => {
    if (large) tools.current!.style.transform = `translate(${reading() * (large.x + large.w - 100)}px, ${large.y + large.h - 52}px)`;
  });
  return (
    <div ref={tools} class="tools">
      <Square icon="strip" label={model.isStripHidden ? t("stage.show") : t("stage.hide")} onPress={() => model.hideStrip(!model.isStripHidden)} />
      {document.fullscreenEnabled && <Square icon="full" label={isFull ? t("stage.notfull") : t("stage.full")} onPress={full} />}
    </div>
  );
}

function Alone({ model }: { model: CallModel }) {
  const { unopened } = model.conference;
  return (
    <div class={unopened > 0 ? "alone bad" : "alone"}>
      <h2>{unopened > 0 ? t("state.bad", { n: unopened }) : t("stage.alone")}</h2>
      <p class="say">{unopened > 0 ? t("stage.unopened") : t("made.say")}</p>
      <Button className="big" icon="copy" onPress={() => void model.copyLink()}>
        {t("act.copy")}
      </Button>
    </div>
  );
}

/** What there is room for: tiles, and the row under them. */
function useSize(stage: { current: HTMLElement | null }): { width: number; height: number } {
  const [size, setSize] = useState({ width: 0, height: 0 });
  useLayoutEffect(() => {
    const element = stage.current!;
    const measure = (): void => {
      const { paddingLeft, paddingRight, paddingBottom } = getComputedStyle(element);
      const width = element.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight);
      setSize({ width, height: element.clientHeight - parseFloat(paddingBottom) });
    };
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    return () => observer.disconnect();
  }, []);
  return size;
}

/** Tells the server what is placed here. */
function useViewer(model: CallModel, shown: readonly Shown[]): void {
  const viewer = useMemo(() => new Viewer(model.conference), []);
  const [isHidden, setHidden] = useState(document.hidden);
  useEffect(() => {
    const update = (): void => setHidden(document.hidden);
    document.addEventListener("visibilitychange", update);
    return () => {
      document.removeEventListener("visibilitychange", update);
      viewer.close();
    };
  }, []);
  useEffect(() => viewer.update(shown, isHidden));
}

/** Arrows move among the tiles, one of which is in the order of Tab. What lies in a tile has its own keys. */
function onArrow(event: KeyboardEvent): void {
  if ((event.target as HTMLElement).matches(".tile")) roamGrid(event, below(event, ".tile"));
}
