<Control>
  <To_DTS>X26ABC2</To_DTS>
</Control>
