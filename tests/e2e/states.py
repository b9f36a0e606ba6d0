"""What there is to be seen of the page, by name, for test_screens.py.

Each state has with it the picture of ../shared/ui/shots that it was laid beside and, where it differs, why. In all of them: before MLS
the link's key is all there is to be said of encryption; raised hands and files are not here yet; the font is the system's.
"""

BEFORE = {
    "landing": "01-landing. No way to how it works, to the source and to checking the page: there are no such pages yet.",
    "landing-sees": "What the server can see, unfolded. Not drawn.",
    "made": "02-made. Six words and asking first come later; each says so in place of its control.",
    "made-split": "Not drawn.",
    "apart": "03-apart. There is a way back.",
    "apart-unknown": "Not drawn: link and key are asked for together.",
    "key-wrong": "44-wrongkey. Not a page of its own: what was typed stays, and can be set right.",
    "link-cut": "43-cut. The field itself, where the design has a button that leads to it.",
    "link-mistyped": "As link-cut.",
    "link-version": "As link-cut.",
    "link-suite": "As link-cut.",
    "link-flags": "As link-cut.",
    "lobby": "04-lobby. It says how one shows without a name, and leads to another link.",
    "lobby-camera-off": "Not drawn.",
    "lobby-microphone": "Not drawn: one is there, the other is not.",
    "lobby-blocked": "05-lobby-blocked. No list of devices: the browser names none while it blocks them.",
    "lobby-busy": "As lobby-blocked.",
    "lobby-none": "As lobby-blocked.",
    "no-transform": "46-old.",
    "worker-failed": "As no-transform.",
}
# By its code, what the server may say in place of letting somebody in, or while they are inside.
REFUSALS = (
    "room_full", "too_many_rooms", "no_such_room", "unauthorised", "forbidden", "rate_limited", "shutting_down", "taken_over",
    "unsupported_version", "no_codec", "internal",
)  # fmt: skip
ON_THE_WAY_IN = {
    "joining": "Not drawn; as 40-waiting.",
    "unreachable": "Not drawn; as 42-replaced.",
    **{code.replace("_", "-"): "Not drawn; as 42-replaced." for code in REFUSALS},
    "other-key": "Not drawn: nobody inside has this link's key.",
    "other-key-people": "Not drawn. On a phone the heading alone has room above the panel.",
}
IN_A_CALL = {
    "call-alone": "Not drawn.",
    "call-2": "10-call-1, 15-landscape-1. On a phone a camera that lies is cut to 3:4 and no further: only an upright one fills the stage.",
    "call-3": "11-call-3.",
    "call-9": "12-call-9, 15-landscape-6.",
    "call-25": "13-call-25. There are 24 others: six columns of four have larger tiles than five of five.",
    "call-25-page-2": "13-call-25, its second page. Phone only: a desktop has one page for 24.",
    "tile-menu": "Not drawn.",
    "pinned": "16-pinned. The whole picture, as UI.md has it; the design's fills the stage.",
    "one-large": "As pinned.",
    "share-offered": "Not drawn; the line as in 34-knock.",
    "share": "14-share, 15-landscape-share.",
    "share-alone": "14-share-alone.",
    "self-menu": "Not drawn.",
    "self-in-grid": "Not drawn.",
    "self-hidden": "Not drawn.",
    "sharing": "Not drawn; the line as in 34-knock.",
    "recording": "Not drawn.",
    "away": "Not drawn: a seat is kept.",
    "panel-people": "20-people. Nobody waits outside and nobody has a role before MLS; what can be done with a person is in their tile.",
    "panel-chat": "21-chat.",
    "panel-security": "23-security. No code to compare before MLS.",
    "panel-more": "24-more. Recognising a device and keeping the chat come later; there is a language, and a test of the speakers.",
    "panel-details": "Not drawn.",
    "panel-shortcuts": "Not drawn.",
    "no-key": "30-cannot. Among nine; the words are UI.md's. Where a tile is small its words name the person, and there is no tag.",
    "no-key-still": "As no-key, with what to do.",
    "changed": "As no-key; of one who is seen, what is said is changed, which is told in the tag.",
    "newer": "As no-key.",
    "reconnecting": "Not drawn.",
    "media-lost": "31-reconnecting.",
    "left": "45-left. The button counts.",
}
