/** All panels in one file, so that the server does not learn which of them is opened. */
import type { FunctionComponent } from "preact";
import type { CallModel, PanelName } from "./model.ts";
import { ChatPanel } from "./panel_chat.tsx";
import { DetailsPanel } from "./panel_details.tsx";
import { MorePanel } from "./panel_more.tsx";
import { PeoplePanel } from "./panel_people.tsx";
import { SecurityPanel } from "./panel_security.tsx";
import { ShortcutsPanel } from "./panel_shortcuts.tsx";

export const PANELS: Readonly<Record<PanelName, FunctionComponent<{ model: CallModel }>>> = {
  people: PeoplePanel,
  chat: ChatPanel,
  security: SecurityPanel,
  more: MorePanel,
  details: DetailsPanel,
  shortcuts: ShortcutsPanel,
};
