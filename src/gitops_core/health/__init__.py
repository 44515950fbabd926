"""Pure: a live object goes in, two answers come out: settled? healthy?"""
