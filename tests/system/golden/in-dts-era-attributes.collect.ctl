<DTSControl>
  <Version>1.0</Version>
  <AddressType>ALL</AddressType>
  <MessageType>Report</MessageType>
  <From_DTS>x26ABC1</From_DTS>
  <To_DTS>x26abc2</To_DTS>
  <From_ESMTP>oldsite1@dts.nhs.uk</From_ESMTP>
  <To_ESMTP>x26abc2@dts.nhs.uk</To_ESMTP>
  <Subject>Weekly figures v1_3</Subject>
  <LocalId>FiguresOld Weekly Figures v1_3 Part2.csv</LocalId>
  <DTSId>relay02-201302110815001234</DTSId>
  <Compress>Y</Compress>
  <Encrypted>N</Encrypted>
  <WorkflowId>DEMO_FIGURES</WorkflowId>
  <ProcessId></ProcessId>
  <DataChecksum></DataChecksum>
  <IsCompressed>N</IsCompressed>
  <StatusRecord>
    <DateTime>@DATETIME@</DateTime>
    <Event>COLLECT</Event>
    <Status>SUCCESS</Status>
    <StatusCode>00</StatusCode>
    <Description>Data collect success confirmation.</Description>
  </StatusRecord>
</DTSControl>
