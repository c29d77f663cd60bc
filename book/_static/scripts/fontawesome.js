// in place of the theme's script of 1.5 MB for icons of one's own, which no page has; the others are in its style
