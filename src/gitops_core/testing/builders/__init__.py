"""
Builders: what a test needs, said in one line.

::

    resources      manifests of common kinds and of any kind, what is live, what is declared where
    repositories   real Git repositories, in memory or on disk: commits, branches, tags, merges, force-pushes
    sources        a repository in memory as the source of an application
    signing        SSH and OpenPGP keys that sign commits and tags
    applications   an application with everything in memory
    plans          a plan from a few words, without a pass
"""
