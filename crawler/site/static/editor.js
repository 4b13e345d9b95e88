// The editor of SQL replaces a field that has a label by one that has none. This runs before it does.
"use strict";
window.CodeMirror?.defineInitHook((editor) => editor.getInputField().setAttribute("aria-label", "SQL"));
