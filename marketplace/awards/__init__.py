"""The award policy engine: what the figures of a seller reach under 赣市府发〔2015〕2号, and why."""
