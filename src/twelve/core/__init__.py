"""The nouns and the rules: frozen records, text formats, decisions, ports. No I/O, standard library only."""
