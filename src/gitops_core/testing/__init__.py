"""
For tests, ours and yours; nothing else imports it.

What you write is tested by contract suites (``target_contract``, ``source_contract``, ...; ``suites`` runs them without pytest), by the
``machine``, and by ``crash_points``. What you use is replaced by ``worlds``, ``fake_api``, ``faults``, ``clock``, ``scheduling`` and
``simulation``. ``builders``, ``assertions``, ``snapshots`` and the pytest fixtures of ``plugin`` make tests short.
"""
