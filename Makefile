all:
	@for s in 0[1-6]-*; do $(MAKE) -s -C $$s || exit 1; done
