"""An item of which everything is HTML."""

ODD = "<i>1</i>"
HTML = "<img src=x onerror=\"document.title='broken into'\"><b>bold</b>"
