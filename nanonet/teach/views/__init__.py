"""One trace, many views: terminal, notebook, Markdown, a page to click through, an animation."""
