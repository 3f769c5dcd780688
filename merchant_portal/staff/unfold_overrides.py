"""How Unfold's templates are changed for the strict CSP and for screen readers.

Each change is a replacement in Unfold's own text that must be found there, so that
a new Unfold which says it differently stops the regeneration (and its test)
instead of bringing back inline script. `manage.py regenerate_unfold` writes the
results to templates/; they are committed. Why each is needed: docs/admin-shell.md.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import unfold


class UpstreamChanged(Exception):
    """Unfold's template no longer holds the text that is to be replaced."""


@dataclass(frozen=True, slots=True)
class Swap:
    """`old`: exact text, or a pattern (dot matches newlines) when `is_pattern`."""

    old: str
    new: str
    is_pattern: bool = False

    def apply(self, text: str, where: str) -> str:
        pattern = self.old if self.is_pattern else re.escape(self.old)
        text, count = re.subn(pattern, lambda _match: self.new, text, flags=re.S)
        if count != 1:
            raise UpstreamChanged(f"{where}: found {count} times: {self.old!r}")
        return text


_MAIN = Swap('<div id="main"', '<main id="main"')
_MAIN_END = Swap(
    r"\{% block footer %\}\{% endblock %\}\s+</div>",
    "{% block footer %}{% endblock %}\n        </main>",
    is_pattern=True,
)
_TOGGLE = '<button type="button" aria-label="{% trans "Show or hide navigation" %}" class="cursor-pointer material-symbols-outlined '

SWAPS: dict[str, list[Swap]] = {
    "unfold/layouts/skeleton.html": [
        Swap(
            r'x-data="\{\s+\{% if opts.*?"\s*>',
            "x-data=\"shell('{% if opts %}{% tabs_primary_active inline_admin_formsets %}"
            "{% endif %}', {% if opts %}true{% else %}false{% endif %})\">",
            is_pattern=True,
        ),
        Swap(
            '<style id="unfold-theme-colors">',
            '<style id="unfold-theme-colors" nonce="{{ request.csp_nonce }}">',
        ),
        Swap(
            "<script src=\"{% static 'unfold/js/alpine/alpine.anchor.js' %}\" defer></script>",
            '<meta name="htmx-config" content=\'{"includeIndicatorStyles": false, "allowEval": false}\'>\n'
            "        <script src=\"{% static 'portal/alpine-data.js' %}\" defer></script>\n"
            "        <script src=\"{% static 'unfold/js/alpine/alpine.anchor.js' %}\" defer></script>",
        ),
    ],
    "unfold/layouts/unauthenticated.html": [
        Swap(
            '<div class="flex grow items-center justify-center mx-auto px-4 relative">',
            '<main class="flex grow items-center justify-center mx-auto px-4 relative">',
        ),
        # with it goes the style attribute of the picture, which the CSP refuses
        Swap(
            r"</div>\s+\{% if login_image %\}.*?\{% endif %\}",
            "</main>",
            is_pattern=True,
        ),
        Swap(
            "{% block content %}{% endblock %}",
            '{% include "unfold/helpers/messages.html" %}\n'
            "                {% block content %}{% endblock %}",
        ),
    ],
    "unfold/layouts/base_simple.html": [_MAIN, _MAIN_END],
    "admin/base.html": [_MAIN, _MAIN_END],
    "admin/change_form.html": [
        Swap(
            r'x-bind:action="activeTab.*?search"',
            'x-bind:action="formAction()"',
            is_pattern=True,
        )
    ],
    "admin/change_list.html": [
        Swap("<style>", '<style nonce="{{ request.csp_nonce }}">'),
        # no key reaches a link without an address
        Swap(
            '<a class="{% if cl.has_active_filters %}',
            '<button type="button" aria-controls="changelist-filter"'
            ' x-bind:aria-expanded="filterOpen" class="{% if cl.has_active_filters %}',
        ),
        Swap(
            r'<span class="material-symbols-outlined md-18 ml-auto">filter_list</span>\s+</a>',
            '<span class="material-symbols-outlined md-18 ml-auto" aria-hidden="true">'
            "filter_list</span></button>",
            is_pattern=True,
        ),
    ],
    "admin/actions.html": [
        Swap(
            "x-bind:style=\"'width: ' + changeListWidth + 'px'\"",
            "x-bind:style=\"{width: changeListWidth + 'px'}\"",
        )
    ],
    "unfold/helpers/search.html": [
        Swap(
            """<div class="mb-2.5 mx-3 relative" x-on:click="$dispatch('opencommand')">""",
            '<button type="button" aria-keyshortcuts="Control+K" class="block mb-2.5 mx-3'
            """ relative text-start" x-on:click="$dispatch('opencommand')">""",
        ),
        Swap(
            r"</div>\s+\{% else %\}\s+"
            r'<div class="mb-2.5 mx-3 relative" x-data="searchDropdown',
            "</button>\n    {% else %}\n"
            '        <div class="mb-2.5 mx-3 relative" x-data="searchDropdown',
            is_pattern=True,
        ),
        Swap(
            r"dark:text-font-subtle-dark\">\s+\{% trans 'Search apps and models...' %\}",
            "dark:text-font-subtle-dark\">\n                    {% trans 'Find or do anything' %}",
            is_pattern=True,
        ),
        Swap("openSearchResults = true; currentIndex = 0", "onFocus()"),
        Swap(
            r'x-on:keydown.escape.prevent="openSearchResults.*?"',
            'x-on:keydown.escape.prevent="onEscape()"',
            is_pattern=True,
        ),
    ],
    "unfold/helpers/command.html": [
        Swap(
            'x-data="searchCommand()"',
            'x-data="searchCommand()" role="dialog" aria-modal="true"'
            ' aria-label="{% trans "Find or do anything" %}"',
        ),
        Swap(
            '<button type="submit" id="command-submit"',
            '<span id="command-submit" aria-hidden="true"',
        ),
        Swap("</button>", "</span>"),
        Swap(
            """placeholder="{% trans "Type to search" %}\"""",
            'placeholder="{% trans "Type to search" %}"\n'
            '                    aria-label="{% trans "Type to search" %}"',
        ),
        Swap(
            'hx-trigger="keyup changed delay:500ms"',
            'hx-trigger="input changed delay:150ms, opened"',
        ),
        Swap(
            '<div id="command-results"></div>',
            '<div id="command-results" aria-live="polite"></div>',
        ),
        Swap(
            "if (!$event.metaKey && !$event.ctrlKey) selectItem("
            "{% if command_show_history %}true{% else %}false{% endif %}, false)",
            "onEnter($event, {% if command_show_history %}true{% else %}false{% endif %})",
        ),
    ],
    # one navigation inside another has no name of its own
    "unfold/helpers/navigation_user.html": [
        Swap("<nav class", '<div id="user-menu" class'),
        Swap("</nav>", "</div>"),
        Swap(
            'x-data="{ openUserLinks: false }"',
            'x-data="{ openUserLinks: false }"'
            ' x-on:keydown.escape="openUserLinks = false"',
        ),
        Swap(
            '<div class="cursor-pointer flex',
            '<button type="button" aria-haspopup="true" aria-controls="user-menu"'
            ' x-bind:aria-expanded="openUserLinks"'
            ' class="portal-user-opener cursor-pointer flex',
        ),
        Swap(
            r'<span class="material-symbols-outlined ml-auto [^"]*">\s+unfold_more\s+</span>\s+</div>',
            '<span class="material-symbols-outlined ml-auto select-none'
            ' text-font-default-light dark:text-font-default-dark" aria-hidden="true">'
            "unfold_more</span>\n    </button>",
            is_pattern=True,
        ),
    ],
    "unfold/helpers/modal.html": [
        Swap(
            '<div class="bottom-0 flex items-center justify-center left-0 right-0 fixed top-0 z-70"',
            '<div role="dialog" aria-modal="true" aria-labelledby="dialog-title"'
            ' class="bottom-0 flex items-center justify-center left-0 right-0 fixed top-0 z-70"',
        )
    ],
    "unfold/helpers/dialog.html": [
        Swap(
            r'<div class="absolute top-3.5.*?</div>',
            '<button type="button" aria-label="{% trans "Close" %}"'
            ' class="absolute cursor-pointer material-symbols-outlined right-3.5'
            ' text-icon-action top-3.5 z-70" x-on:click="openModal = false">close</button>',
            is_pattern=True,
        ),
        Swap("<h1 class", '<h2 id="dialog-title" class'),
        Swap("</h1>", "</h2>"),
    ],
    # An app's name says nothing that the sidebar does not, and costs a phone its title.
    "unfold/helpers/header_title.html": [
        Swap(
            "{% for part in parts %}",
            "{% for part in parts %}{% if not forloop.first or forloop.last %}",
        ),
        Swap("{% endfor %}", "{% endif %}{% endfor %}"),
    ],
    "unfold/helpers/welcomemsg.html": [
        Swap(
            "{% if cl and cl.full_result_count",
            "{% if cl and cl.query|default:cl.has_active_filters and cl.full_result_count",
        ),
        Swap(
            r'<span class="material-symbols-outlined hidden! xl:block!"'
            r" x-on:click=\"sidebarDesktopOpen.*?</span>",
            _TOGGLE
            + 'hidden! xl:block!" x-on:click="toggleSidebar()">dock_to_right</button>',
            is_pattern=True,
        ),
        Swap(
            r'<span class="material-symbols-outlined block! xl:hidden!".*?</span>',
            _TOGGLE
            + 'block! xl:hidden!" x-on:click="sidebarMobileOpen = !sidebarMobileOpen">dock_to_right</button>',
            is_pattern=True,
        ),
    ],
}


def originals() -> Path:
    """The folder of the installed Unfold's templates."""
    return Path(unfold.__file__).parent / "templates"


def overrides() -> Iterator[tuple[str, str]]:
    """Name and text of each changed template. Raises UpstreamChanged."""
    for name, swaps in SWAPS.items():
        text = (originals() / name).read_text()
        for swap in swaps:
            text = swap.apply(text, name)
        yield name, text
